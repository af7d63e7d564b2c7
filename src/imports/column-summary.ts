import { ExactSum } from '../engine/exact-sum.ts';
import { Fault } from '../engine/fault.ts';
import { quoted } from '../engine/key.ts';
import type { GroupRow } from '../store/imports/import-summaries.ts';
import { GroupMedians } from './group-medians.ts';
import type { ImportPlan } from './import-plan.ts';

export const summaryFns = ['COUNT', 'SHARE', 'MEAN', 'SUM', 'MIN', 'MAX', 'MEDIAN'] as const;
export type SummaryFn = (typeof summaryFns)[number];

export interface SummaryQuery {
  readonly groupBy: string;
  /** Undefined: the summary counts whole rows. */
  readonly of: string | undefined;
  readonly fn: SummaryFn;
}

const groupsMax = 10_000;
/** The limit for the texts of all groups together. */
const groupCharsMax = 4_000_000;

/** Refuses a query that is wrong for every table. */
export function checkSummaryQuery({ of, fn }: SummaryQuery): void {
  if (of === undefined && fn !== 'COUNT' && fn !== 'SHARE')
    throw new Fault('BAD_USER_INPUT', `${fn} needs a column of numbers: name it in of.`, ['of']);
  if (of !== undefined && fn === 'SHARE')
    throw new Fault('BAD_USER_INPUT', 'SHARE counts rows, and takes no of.', ['of']);
}

/** The indexes of the columns that a query names. */
export function summaryColumns(plan: ImportPlan, { groupBy, of }: SummaryQuery) {
  const place = (name: string, argument: 'groupBy' | 'of') => {
    const found = plan.columns.findIndex((column) => column.name === name);
    if (found >= 0) return found;
    const names = plan.columns.slice(0, 20).map((column) => quoted(column.name));
    const more = plan.columns.length > names.length ? ` and ${plan.columns.length - names.length} more` : '';
    const message = `There is no column ${quoted(name)}; there are: ${names.join(', ')}${more}.`;
    throw new Fault('BAD_USER_INPUT', message, [argument]);
  };
  return { groupBy: place(groupBy, 'groupBy'), of: of === undefined ? undefined : place(of, 'of') };
}

/**
 * Groups rows by a column and aggregates each group. Larger groups come first; groups of equal size are sorted by text.
 */
export class ColumnSummary {
  readonly #asked: SummaryQuery;
  readonly #groupBy: number;
  readonly #of: number | undefined;
  readonly #number: (cell: string) => number;
  readonly #groups = new Map<string, number>();
  readonly #counts: number[] = [];
  readonly #sums: ExactSum[] = [];
  readonly #ends: number[] = [];
  readonly #medians = new GroupMedians();
  #rows = 0;
  #chars = 0;

  constructor(plan: ImportPlan, asked: SummaryQuery) {
    this.#asked = asked;
    const { groupBy, of } = summaryColumns(plan, asked);
    this.#groupBy = groupBy;
    this.#of = of;
    this.#number = numberReader(plan.decimalComma);
  }

  add(rows: readonly (readonly string[])[]): void {
    for (const row of rows) {
      this.#rows++;
      const group = this.#groupOf(row[this.#groupBy] ?? '');
      if (this.#of === undefined) this.#counts[group]++;
      else {
        const cell = row[this.#of]?.trim() ?? '';
        if (cell === '') continue;
        if (this.#asked.fn !== 'COUNT') this.#take(group, this.#numberOf(cell));
        this.#counts[group]++;
      }
    }
  }

  groups(): GroupRow[] {
    const found = [...this.#groups].map(([text, i]): GroupRow => [text, this.#valueOf(i), this.#counts[i]]);
    return found.sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1));
  }

  #groupOf(cell: string): number {
    // PostgreSQL stores no NUL character and no lone surrogate.
    const text = cell.replaceAll('\0', '\ufffd').toWellFormed();
    const known = this.#groups.get(text);
    if (known !== undefined) return known;
    const next = this.#groups.size;
    this.#chars += text.length;
    if (next >= groupsMax || this.#chars > groupCharsMax) {
      const message = `The column ${quoted(this.#asked.groupBy)} holds more than ${groupsMax.toLocaleString('en')} different values, or very long ones: group by another one.`;
      throw new Fault('TOO_EXPENSIVE', message, ['groupBy']);
    }
    // A copy, because a substring keeps its whole parent string in memory.
    this.#groups.set(Buffer.from(text).toString(), next);
    this.#counts.push(0);
    if (this.#asked.fn === 'SUM' || this.#asked.fn === 'MEAN') this.#sums.push(new ExactSum());
    return next;
  }

  #numberOf(cell: string): number {
    const number = this.#number(cell);
    if (Number.isFinite(number)) return number;
    const message = `The column ${quoted(this.#asked.of ?? '')} holds ${quoted(cell)} in row ${this.#rows}, which is not a number: ${this.#asked.fn} needs a column of numbers.`;
    throw new Fault('BAD_USER_INPUT', message, ['of']);
  }

  #take(group: number, number: number): void {
    const { fn } = this.#asked;
    if (fn === 'MEDIAN') this.#medians.add(group, number);
    else if (fn === 'MIN') this.#ends[group] = Math.min(this.#ends[group] ?? Number.POSITIVE_INFINITY, number);
    else if (fn === 'MAX') this.#ends[group] = Math.max(this.#ends[group] ?? Number.NEGATIVE_INFINITY, number);
    else this.#sums[group].add(number);
  }

  #valueOf(group: number): number | null {
    const { fn } = this.#asked;
    const count = this.#counts[group];
    if (fn === 'COUNT') return count;
    if (fn === 'SHARE') return count / this.#rows;
    if (count === 0) return null;
    if (fn === 'MIN' || fn === 'MAX') return this.#ends[group];
    if (fn === 'MEDIAN') return this.#medians.of(group);
    const value = fn === 'SUM' ? this.#sums[group].value() : this.#sums[group].mean(count);
    return Number.isFinite(value) ? value : null;
  }
}

function numberReader(decimalComma: boolean): (cell: string) => number {
  const plain = (text: string) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN);
  return decimalComma ? (text) => (text.includes('.') ? Number.NaN : plain(text.replace(',', '.'))) : plain;
}
