import type { Random } from '../recompute/seeded-random.ts';
import { ask, type GraphError, gql, type Tick } from '../support/client.ts';
import { until } from '../support/program.ts';
import { derived, formulas, long, longPoints, ranges, second, seconds, sources, start } from './world.ts';

interface Written {
  readonly revision: number;
  readonly settled: boolean;
}

const fields = '{ revision settled }';
const ticksDocument = `mutation ($input: IngestTicksInput!) { written: ingestTicks(input: $input) ${fields} }`;
const columnsDocument = `mutation ($input: IngestColumnsInput!) { written: ingestColumns(input: $input) ${fields} }`;
const deleteDocument = `mutation ($input: DeleteTicksInput!) { written: deleteTicks(input: $input) ${fields} }`;
const defineDocument = 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { id } }';

/** Writes at random, to whichever API answers. */
export class Writer {
  readonly #urls: readonly string[];
  readonly #random: Random;
  readonly #ticks: (readonly Tick[])[] = [];
  #writes = 0;
  #end = seconds;
  /** What derived series were last defined as. */
  readonly #formulas = new Map<string, string>();
  /** How often an API was gone before it had answered. */
  retries = 0;

  constructor(urls: readonly string[], random: Random) {
    this.#urls = urls;
    this.#random = random;
  }

  /** The series as they are at the beginning. */
  async begin(): Promise<void> {
    const line = (points: number) => ({
      t: Array.from({ length: points }, (_, i) => start + (seconds * second * i) / points),
      value: Array.from({ length: points }, () => this.#value()),
    });
    const columns = [
      ...sources.map((series) => ({ series, ...line(seconds / 2) })),
      { series: long, ...line(longPoints) },
    ];
    await this.#persist(columnsDocument, { columns, createMissing: true });
    for (const key of derived) await this.#define(key, formulas[key][0]);
    await this.#allAreLive();
  }

  async redefine(): Promise<void> {
    const key = derived[this.#random(derived.length)];
    const [one, other] = formulas[key];
    await this.#define(key, this.#formulas.get(key) === one ? other : one);
  }

  async #define(key: string, formula: string): Promise<void> {
    this.#formulas.set(key, formula);
    await this.#persist(defineDocument, { key, formula });
  }

  /** One random write; returns its revision. */
  async write(first = this.#random(this.#urls.length)): Promise<number> {
    const idempotencyKey = `write ${this.#writes++}`;
    const kind = this.#random(8);
    if (kind === 0) {
      const from = start + this.#random(this.#end) * second;
      const to = from + (1 + this.#random(20)) * second;
      return this.#written(deleteDocument, { series: this.#source(), from, to, idempotencyKey }, first);
    }
    if (kind === 1) {
      const at = Array.from({ length: 1 + this.#random(5) }, () => this.#instant(this.#random(this.#end)));
      return this.#written(deleteDocument, { series: this.#source(), at, idempotencyKey }, first);
    }
    const ticks = kind === 2 ? this.#again() : this.#some(kind < 6 ? this.#end++ : this.#random(this.#end));
    this.#ticks.push(ticks);
    return this.#written(ticksDocument, { ticks, idempotencyKey, note: kind === 7 ? 'corrected' : null }, first);
  }

  /**
   * Gives whatever is followed something new, in each of the ranges: points, and ends of the minutes that formulas
   * have. Returns when all that is derived reflects it.
   */
  async finish(): Promise<number> {
    await this.#allAreLive();
    const end = start + this.#end * second;
    const instants = [ranges[0].from + 59 * second, end, end + 120 * second].map((t) => t + 777);
    const value = 1_000 + this.#value();
    const ticks = [...sources, long].flatMap((series) => instants.map((t) => ({ series, t, value })));
    for (;;) {
      const { written } = await this.#persist<{ written: Written }>(ticksDocument, { ticks, await: 'DERIVED' });
      if (written.settled) return written.revision;
    }
  }

  async #allAreLive(): Promise<void> {
    await until(async () => {
      const { seriesByKeys } = await ask<{ seriesByKeys: { status: string; formula: string }[] }>(
        this.#urls[0],
        'query ($keys: [String!]!) { seriesByKeys(keys: $keys) { ... on DerivedSeries { status formula } } }',
        { keys: derived },
      );
      return seriesByKeys.every(
        ({ status, formula }, i) => status === 'LIVE' && formula === this.#formulas.get(derived[i]),
      );
    });
  }

  /** What was written before: just now, and says nothing new, or long ago, and takes back what was said since. */
  #again(): readonly Tick[] {
    const back = Math.min(this.#ticks.length, 1 + this.#random(this.#random(2) === 0 ? 1 : 50));
    return this.#ticks.at(-back) ?? this.#some(0);
  }

  #some(from: number): Tick[] {
    const chosen = Array.from({ length: 1 + this.#random(3) }, () => this.#source());
    return chosen.flatMap((series) =>
      Array.from({ length: 1 + this.#random(4) }, (_, i) => ({
        series,
        t: this.#instant(from + i),
        value: this.#value(),
        size: this.#random(2) === 0 ? this.#random(10) / 4 : null,
      })),
    );
  }

  #source(): string {
    return this.#random(20) === 0 ? long : sources[this.#random(sources.length)];
  }

  #instant(at: number): number {
    return start + at * second + this.#random(2) * 0.25;
  }

  #value(): number {
    return 100 + this.#random(2_000) / 100;
  }

  async #written(document: string, input: object, first: number): Promise<number> {
    return (await this.#persist<{ written: Written }>(document, input, first)).written.revision;
  }

  /** Asked again, of the other API, until one answers. */
  async #persist<T>(document: string, input: object, first = 0): Promise<T> {
    for (let i = first; ; i++) {
      const url = this.#urls[i % this.#urls.length];
      const answer = await gql<T>(url, document, { input }).catch(lost);
      if (answer && !answer.errors) return answer.data;
      if (answer && !isPassing(answer.errors)) throw new Error(JSON.stringify(answer.errors));
      this.retries++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** What fetch throws when nobody answers, or no longer. */
function lost(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}

function isPassing(errors: readonly GraphError[] = []): boolean {
  return errors.every(({ extensions }) => extensions.code === 'UNAVAILABLE');
}
