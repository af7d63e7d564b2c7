import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, createReadStream, rmSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parse as csvParse } from 'csv-parse';
import Papa from 'papaparse';
import { initParser } from 'udsv';
import { instantMicros } from '../../src/engine/instant.ts';
import type { ImportPlan } from '../../src/imports/import-plan.ts';
import { readTicks } from '../../src/imports/text/read-ticks.ts';
import type { ByteSource } from '../../src/imports/text/tick-batch.ts';
import { startSelf, stopChild } from '../child.ts';
import { type Figure, median, rateFigure } from '../figure.ts';
import { keyOf, prices, startMillis } from '../points.ts';
import type { World } from '../world.ts';

const names = ['t', 'series', 'value', 'size'];
const seriesCount = 1_000;
/** The least ratio of our rate to a peer's. JSON.parse checks no columns and reports no lines, so it need not be beaten by far. */
const least = { CSV: 2, NDJSON: 1 } as const;
/** The compiler takes about as many rows until it is done. */
const warmRounds = 2;
/** All read pieces of the same length. */
const highWaterMark = 262_144;
/** Of one processor, so much may others take of a round that is measured by the clock. */
const othersMax = 0.15;

interface Parsed {
  rows: number;
  sum: number;
}

interface Tick {
  readonly t: string | number;
  readonly series: string;
  readonly value: number;
  readonly size: number;
}

/** Ticks as whoever stores them needs them: the least that each parser's rows must become. */
class Columns {
  readonly series: Int32Array;
  readonly t: Float64Array;
  readonly value: Float64Array;
  readonly size: Float64Array;
  readonly #indices = new Map<string, number>();
  rows = 0;

  constructor(rows: number) {
    this.series = new Int32Array(rows);
    this.t = new Float64Array(rows);
    this.value = new Float64Array(rows);
    this.size = new Float64Array(rows);
  }

  add([t, series, value, size]: readonly string[], millis: boolean): void {
    this.#put(millis ? Number(t) * 1000 : instantMicros(t), series, Number(value), Number(size));
  }

  addObject({ t, series, value, size }: Tick, millis: boolean): void {
    this.#put(millis ? Number(t) * 1000 : instantMicros(String(t)), series, value, size);
  }

  #put(t: number, series: string, value: number, size: number): void {
    const at = this.rows++;
    let index = this.#indices.get(series);
    if (index === undefined) {
      index = this.#indices.size;
      this.#indices.set(series, index);
    }
    this.series[at] = index;
    this.t[at] = t;
    this.value[at] = value;
    this.size[at] = size;
  }

  /** What was read, and room for the next. */
  taken(): Parsed {
    const { rows } = this;
    let sum = 0;
    for (let i = 0; i < this.rows; i++) sum += this.t[i] / 1e15 + this.value[i] + this.size[i] + this.series[i];
    this.rows = 0;
    this.#indices.clear();
    return { rows, sum: Math.round(sum) };
  }
}

interface File {
  readonly name: string;
  readonly format: 'CSV' | 'NDJSON';
  readonly path: string;
  readonly rows: number;
  readonly millis: boolean;
}

const parsers: Readonly<Record<string, (file: File, columns: Columns) => Promise<void>>> = {
  ours,
  async 'csv-parse'(file, columns) {
    const rows = createReadStream(file.path, { highWaterMark }).pipe(csvParse({ from_line: 2 }));
    for await (const row of rows) columns.add(row, file.millis);
  },
  papaparse(file, columns) {
    let header = true;
    return new Promise((resolve, reject) => {
      Papa.parse<string[]>(createReadStream(file.path, { encoding: 'utf8', highWaterMark }), {
        delimiter: ',',
        newline: '\n',
        skipEmptyLines: true,
        chunk: ({ data }) => {
          for (const row of header ? data.slice(1) : data) columns.add(row, file.millis);
          header = false;
        },
        complete: () => resolve(),
        error: reject,
      });
    });
  },
  async udsv(file, columns) {
    const parser = initParser({
      col: ',',
      row: '\n',
      encl: '"',
      esc: '"',
      trim: false,
      skip: 1,
      cols: names.map((name) => ({ name, type: 's', repl: { empty: '', null: undefined, NaN: undefined } })),
    } as Parameters<typeof initParser>[0]);
    for await (const chunk of createReadStream(file.path, { encoding: 'utf8', highWaterMark })) {
      parser.chunk<string[]>(chunk, parser.stringArrs, (row) => columns.add(row, file.millis));
    }
    parser.end();
  },
  async 'JSON.parse'(file, columns) {
    let rest = '';
    for await (const chunk of createReadStream(file.path, { encoding: 'utf8', highWaterMark })) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) columns.addObject(JSON.parse(line), file.millis);
    }
    if (rest !== '') columns.addObject(JSON.parse(rest), file.millis);
  },
};

/** The parsers of each format. */
const contestants = { CSV: ['ours', 'csv-parse', 'papaparse', 'udsv'], NDJSON: ['ours', 'JSON.parse'] } as const;

async function ours(file: File, columns: Columns): Promise<void> {
  const source: ByteSource = {
    filename: file.path,
    size: statSync(file.path).size,
    read: (start) => createReadStream(file.path, { start, highWaterMark }),
  };
  const plan: ImportPlan = {
    format: file.format,
    gzip: false,
    encoding: 'utf-8',
    delimiter: ',',
    quote: '"',
    header: true,
    decimalComma: false,
    time: file.millis ? { kind: 'epoch', unit: 'MILLIS' } : { kind: 'rfc3339' },
    timeZone: 'UTC',
    series: null,
    columns: (['T', 'SERIES', 'VALUE', 'SIZE'] as const).map((role, i) => ({
      name: names[i],
      role,
      series: null,
      examples: [],
    })),
    problem: null,
  };
  for await (const batch of readTicks(source, plan)) {
    columns.series.set(batch.series, columns.rows);
    columns.t.set(batch.t, columns.rows);
    columns.value.set(batch.value, columns.rows);
    if (batch.size) columns.size.set(batch.size, columns.rows);
    columns.rows += batch.count;
  }
}

function writeFile(world: World, { name, format, millis, quotes }: Kind, rows: number): File {
  const path = join(world.folder, `${name.replaceAll(' ', '-')}.${format.toLowerCase()}`);
  const values = prices(rows, 7);
  const quote = quotes ? '"' : '';
  let part = format === 'CSV' ? `${names.join(',')}\n` : '';
  for (let i = 0; i < rows; i++) {
    const at = startMillis + i * 250;
    const t = millis ? String(at) : new Date(at).toISOString();
    const [key, size] = [keyOf(i % seriesCount), (i * 7) % 1_000];
    part +=
      format === 'CSV'
        ? `${quote}${t}${quote},${quote}${key}${quote},${values[i]},${size}\n`
        : `${JSON.stringify({ t: millis ? at : t, series: key, value: values[i], size })}\n`;
    if (part.length < 1_000_000 && i + 1 < rows) continue;
    appendFileSync(path, part);
    part = '';
  }
  return { name, format, path, rows, millis };
}

interface Kind {
  readonly name: string;
  readonly format: File['format'];
  readonly millis: boolean;
  readonly quotes: boolean;
}

interface Round {
  readonly parsed: Parsed;
  readonly wallMillis: number;
  readonly cpuMillis: number;
  /** What other processes took meanwhile, in processors. */
  readonly others: number;
}

function busyMillis(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/**
 * A process in which one parser reads a file as often as it is told to. Garbage is collected when it is: a collection
 * that is asked for throws compiled code away, too.
 */
export function serveParsing(name: string): void {
  let columns: Columns | undefined;
  process.on('message', (file: File) => {
    void (async () => {
      columns ??= new Columns(file.rows);
      const busy = busyMillis();
      const cpu = process.cpuUsage();
      const started = performance.now();
      await parsers[name](file, columns);
      const wallMillis = performance.now() - started;
      const { user, system } = process.cpuUsage(cpu);
      const cpuMillis = (user + system) / 1_000;
      const others = Math.max(0, busyMillis() - busy - cpuMillis) / wallMillis;
      const round: Round = { parsed: columns.taken(), wallMillis, cpuMillis, others };
      process.send?.(round);
    })();
  });
  process.on('disconnect', () => process.exit());
}

async function roundOf(child: ChildProcess, file: File): Promise<Round> {
  const answer = once(child, 'message');
  const gone = once(child, 'exit').then(() => {
    throw new Error(`a parser of ${file.name} ended`);
  });
  child.send(file);
  const [round] = await Promise.race([answer, gone]);
  return round;
}

/** Each parser in a process of its own, all in turn, round after round. */
async function measured(world: World, file: File, rounds: number): Promise<ReadonlyMap<string, readonly Round[]>> {
  const names = contestants[file.format];
  const children = new Map(names.map((name) => [name, startSelf(world, 'parsing', name)]));
  const found = new Map<string, Round[]>(names.map((name) => [name, []]));
  let sum: number | undefined;
  for (let round = -warmRounds; round < rounds; round++) {
    for (const [name, child] of children) {
      const done = await roundOf(child, file);
      sum ??= done.parsed.sum;
      if (done.parsed.rows !== file.rows || done.parsed.sum !== sum) {
        throw new Error(`${file.name}: ${name} does not agree: ${JSON.stringify(done.parsed)}, not ${sum}`);
      }
      if (round >= 0) found.get(name)?.push(done);
    }
  }
  for (const child of children.values()) await stopChild(child);
  return found;
}

/** From a file to typed columns of ticks, by our reader and by the parsers that others use. */
export async function parsing(world: World): Promise<Figure[]> {
  const rows = world.quick ? 400_000 : 1_000_000;
  const rounds = world.quick ? 3 : 7;
  const kinds: readonly Kind[] = [
    { name: 'RFC 3339', format: 'CSV', millis: false, quotes: false },
    { name: 'RFC 3339 in quotes', format: 'CSV', millis: false, quotes: true },
    { name: 'epoch millis', format: 'CSV', millis: true, quotes: false },
    { name: 'epoch millis in quotes', format: 'CSV', millis: true, quotes: true },
    { name: 'RFC 3339 in NDJSON', format: 'NDJSON', millis: false, quotes: false },
    { name: 'epoch millis in NDJSON', format: 'NDJSON', millis: true, quotes: false },
  ];
  const figures: Figure[] = [];
  for (const kind of kinds) {
    const file = writeFile(world, kind, rows);
    const megabytes = statSync(file.path).size / 1e6;
    const found = await measured(world, file, rounds);
    // The clock, unless others kept the machine busy: then processor time, reading and collecting garbage included.
    const alone = median([...found.values()].flat().map(({ others }) => others)) <= othersMax;
    const rates = (name: string) =>
      (found.get(name) ?? []).map(({ wallMillis, cpuMillis }) => (rows / (alone ? wallMillis : cpuMillis)) * 1_000);
    const told: string[] = [];
    for (const name of found.keys()) {
      told.push(`${name} ${((median(rates(name)) / rows) * megabytes).toFixed(0)} MB/s`);
      if (name === 'ours') continue;
      const pairs = { ours: rates('ours'), peer: rates(name) };
      figures.push(rateFigure(`parse ${file.name} / ${name}`, 'rows/s', pairs, least[kind.format]));
    }
    world.say(`  ${file.name}, by ${alone ? 'the clock' : 'processor time'}: ${told.join(', ')}`);
    rmSync(file.path);
  }
  return figures;
}
