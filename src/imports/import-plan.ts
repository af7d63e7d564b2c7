import type { FileFormat } from './import-input.ts';

/** How the instants of a column are written. */
export type TimeFormat =
  | { readonly kind: 'rfc3339' }
  | { readonly kind: 'epoch'; readonly unit: 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS' }
  | { readonly kind: 'pattern'; readonly pattern: string };

/** A column of a file, and what was found in its first rows. */
export interface PlannedColumn {
  readonly name: string;
  readonly role: 'SERIES' | 'T' | 'VALUE' | 'SIZE' | 'IGNORE';
  /** In wide form, the series whose values or sizes these are. */
  readonly series: string | null;
  /** Values of its first rows, for people: at most three. */
  readonly examples: readonly string[];
}

/**
 * How a file is read: everything that was said or guessed, with nothing left open. It is plain data, and kept with the
 * import: a file is read in the same way by whoever goes on with it.
 */
export interface ImportPlan {
  readonly format: FileFormat;
  readonly gzip: boolean;
  readonly encoding: string;
  /** For CSV. */
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
  readonly decimalComma: boolean;
  readonly time: TimeFormat;
  readonly timeZone: string;
  /** The series of all rows, where no column says it. */
  readonly series: string | null;
  readonly columns: readonly PlannedColumn[];
  /** Why no ticks can be read, though it is a table; null: they can. */
  readonly problem: string | null;
}
