import { appendFileSync, createReadStream, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse as csvParse } from 'csv-parse';
import Papa from 'papaparse';
import { initParser } from 'udsv';
import { instantMicros } from '../../src/engine/instant.ts';
import type { ImportPlan } from '../../src/imports/plan.ts';
import { readTicks } from '../../src/imports/text/read-ticks.ts';
import type { Source } from '../../src/imports/text/reading.ts';
import { type Figure, median, rateFigure } from '../figure.ts';
import { keyOf, prices, startMillis } from '../points.ts';
import type { World } from '../world.ts';

const names = ['t', 'series', 'value', 'size'];
const seriesCount = 1_000;
/** What the issue asks of a parser of our own: that it wins clearly. */
const least = 2;
/** The compiler takes about as many rows until it is done. */
const warmRounds = 3;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

interface Parsed {
  rows: number;
  sum: number;
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
    const at = this.rows++;
    let index = this.#indices.get(series);
    if (index === undefined) {
      index = this.#indices.size;
      this.#indices.set(series, index);
    }
    this.series[at] = index;
    this.t[at] = millis ? Number(t) * 1000 : instantMicros(t);
    this.value[at] = Number(value);
    this.size[at] = Number(size);
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
  readonly path: string;
  readonly rows: number;
  readonly millis: boolean;
}

const parsers: Readonly<Record<string, (file: File, columns: Columns) => Promise<void>>> = {
  async 'csv-parse'(file, columns) {
    const rows = createReadStream(file.path).pipe(csvParse({ from_line: 2 }));
    for await (const row of rows) columns.add(row, file.millis);
  },
  papaparse(file, columns) {
    let header = true;
    return new Promise((resolve, reject) => {
      Papa.parse<string[]>(createReadStream(file.path, 'utf8'), {
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
    for await (const chunk of createReadStream(file.path, 'utf8')) {
      parser.chunk<string[]>(chunk, parser.stringArrs, (row) => columns.add(row, file.millis));
    }
    parser.end();
  },
};

async function ours(file: File, columns: Columns): Promise<void> {
  const source: Source = {
    filename: file.path,
    size: statSync(file.path).size,
    read: (start) => createReadStream(file.path, { start, highWaterMark: 262_144 }),
  };
  const plan: ImportPlan = {
    format: 'CSV',
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

function writeFile(world: World, name: string, rows: number, millis: boolean, quotes: boolean): File {
  const path = join(world.folder, `${name.replaceAll(' ', '-')}.csv`);
  const values = prices(rows, 7);
  const quote = quotes ? '"' : '';
  let part = `${names.join(',')}\n`;
  for (let i = 0; i < rows; i++) {
    const at = startMillis + i * 250;
    const t = millis ? String(at) : new Date(at).toISOString();
    part += `${quote}${t}${quote},${quote}${keyOf(i % seriesCount)}${quote},${values[i]},${(i * 7) % 1_000}\n`;
    if (part.length < 1_000_000 && i + 1 < rows) continue;
    appendFileSync(path, part);
    part = '';
  }
  return { name, path, rows, millis };
}

/** Ticks of a file in memory, by our reader and by the parsers that others use. */
export async function parsing(world: World): Promise<Figure[]> {
  const rows = 1_000_000;
  const rounds = world.quick ? 2 : 5;
  const kinds = [
    { name: 'RFC 3339', millis: false, quotes: false },
    { name: 'RFC 3339 in quotes', millis: false, quotes: true },
    { name: 'epoch millis', millis: true, quotes: false },
    { name: 'epoch millis in quotes', millis: true, quotes: true },
  ];
  const figures: Figure[] = [];
  for (const { name: kind, millis, quotes } of kinds) {
    const file = writeFile(world, kind, rows, millis, quotes);
    const megabytes = statSync(file.path).size / 1e6;
    const columns = new Columns(rows);
    await ours(file, columns);
    const wanted = columns.taken();
    const rates = async (run: (file: File, columns: Columns) => Promise<void>): Promise<number[]> => {
      // What the one before left behind is not this one's burden; the first rounds only warm up.
      collectGarbage();
      const found: number[] = [];
      for (let round = -warmRounds; round < rounds; round++) {
        // Processor time, reading and collecting garbage included: a busy machine makes no parser look slow.
        const started = process.cpuUsage();
        await run(file, columns);
        const { user, system } = process.cpuUsage(started);
        const parsed = columns.taken();
        if (parsed.rows !== rows || parsed.sum !== wanted.sum) {
          throw new Error(`${file.name}: parsers do not agree: ${JSON.stringify([parsed, wanted])}`);
        }
        if (round >= 0) found.push((rows / (user + system)) * 1e6);
      }
      return found;
    };
    const speed = (found: readonly number[]) => `${((median(found) / rows) * megabytes).toFixed(0)} MB/s`;
    const mine = await rates(ours);
    const told = [`ours ${speed(mine)}`];
    for (const [name, parse] of Object.entries(parsers)) {
      const peer = await rates(parse);
      figures.push(rateFigure(`parse ${file.name} / ${name}`, 'rows/s', { ours: mine, peer }, least));
      told.push(`${name} ${speed(peer)}`);
    }
    world.say(`  ${file.name}, by processor time: ${told.join(', ')}`);
    rmSync(file.path);
  }
  return figures;
}
