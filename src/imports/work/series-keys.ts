import { keyProblem, quoted } from '../../engine/key.ts';
import type { Catalogue, SeriesRow } from '../../store/catalogue.ts';

const madeMax = 100_000;
const askedMax = 5_000;

/** The target of a key: a series, a series to create (a negative id), or the reason why it has none. */
export type KeyTarget = { readonly series: number } | { readonly reason: string };

/** Looks up the series of each key of a file once. */
export class SeriesKeys {
  readonly #catalogue: Catalogue;
  readonly #createMissing: boolean;
  readonly #made: Map<string, number>;
  readonly #targets: KeyTarget[] = [];
  #someRefused = false;
  #new: { n: number; key: string }[] = [];

  constructor(catalogue: Catalogue, createMissing: boolean, made: readonly { n: number; key: string }[]) {
    this.#catalogue = catalogue;
    this.#createMissing = createMissing;
    this.#made = new Map(made.map(({ n, key }) => [key, n]));
  }

  /** The number of series to create. */
  get made(): number {
    return this.#made.size;
  }

  /** The targets, by index of the key. */
  get targets(): readonly KeyTarget[] {
    return this.#targets;
  }

  get someRefused(): boolean {
    return this.#someRefused;
  }

  /** Looks up the keys that were appended since the last call. */
  async learn(keys: readonly string[]): Promise<void> {
    while (this.#targets.length < keys.length) {
      const some = keys.slice(this.#targets.length, this.#targets.length + askedMax);
      const asked = some.filter((key) => !this.#made.has(key) && keyProblem(key) === undefined);
      const rows = asked.length > 0 ? await this.#catalogue.seriesByKeys(asked) : [];
      const found = new Map(rows.map((row) => [row.key, row]));
      for (const key of some) {
        const row = found.get(key);
        const target = row ? targetOf(row) : this.#make(key);
        this.#someRefused ||= 'reason' in target;
        this.#targets.push(target);
      }
    }
  }

  /** The series to create that were found since the last call. */
  takeNew(): { n: number; key: string }[] {
    const some = this.#new;
    this.#new = [];
    return some;
  }

  #make(key: string): KeyTarget {
    const n = this.#made.get(key);
    if (n !== undefined) return { series: -n };
    if (!this.#createMissing) return { reason: `there is no series ${quoted(key)}; create it, or set createMissing` };
    const problem = keyProblem(key);
    if (problem) return { reason: problem };
    if (this.#made.size >= madeMax)
      return { reason: `one import makes at most ${madeMax.toLocaleString('en')} series, ${quoted(key)} is one more` };
    const next = this.#made.size + 1;
    this.#made.set(key, next);
    this.#new.push({ n: next, key });
    return { series: -next };
  }
}

function targetOf({ id, key, kind }: SeriesRow): KeyTarget {
  if (kind === 'SOURCE') return { series: id };
  return { reason: `${quoted(key)} is a derived series, its formula says what it holds` };
}
