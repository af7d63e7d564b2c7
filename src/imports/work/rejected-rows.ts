import type { ImportPlan } from '../import-plan.ts';
import type { RejectedCell } from '../text/tick-batch.ts';

/** The number of rejected rows that are stored per import. All of them are counted. */
const keptMax = 100_000;
const manyMin = 5_000;

/** The rows that were rejected since the last checkpoint. */
export class RejectedRows {
  #count: number;
  #waiting: (RejectedCell & { readonly place: number })[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  get count(): number {
    return this.#count;
  }

  get isMany(): boolean {
    return this.#waiting.length >= manyMin;
  }

  add(rejects: readonly RejectedCell[]): void {
    for (const reject of rejects) {
      if (this.#count < keptMax) this.#waiting.push({ ...reject, place: this.#count });
      this.#count++;
    }
  }

  take(): readonly (RejectedCell & { readonly place: number })[] {
    const some = this.#waiting;
    this.#waiting = [];
    return some;
  }
}

/** For each key, the column that names its series or holds its values; null when the client named the series. */
export function columnsOfKeys({ columns }: ImportPlan): (key: string) => string | null {
  const naming = columns.find(({ role }) => role === 'SERIES');
  if (naming) return () => naming.name;
  // If a series has several columns, the first one counts.
  const own = new Map(columns.map(({ series, name }) => [series, name] as const).toReversed());
  return (key) => own.get(key) ?? null;
}

const shownMax = 3;

/** The message when rejected rows prevent the whole import. */
export function refusal(first: readonly RejectedCell[], count: number): string {
  const shown = first
    .slice(0, shownMax)
    .map(({ line, column, reason }) => `line ${line}${column === null ? '' : `, column ${column}`}: ${reason}`);
  const more = count > shown.length ? `; and ${(count - shown.length).toLocaleString('en')} more` : '';
  return `Nothing was written, for rows are refused: ${shown.join('; ')}${more}. Correct them, or set partial: true to write the others.`;
}
