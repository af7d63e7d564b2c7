import type { FileFormat } from './import-input.ts';

/** The notation of the instants in a column. */
export type TimeFormat =
  | { readonly kind: 'rfc3339' }
  | { readonly kind: 'epoch'; readonly unit: 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS' }
  | { readonly kind: 'pattern'; readonly pattern: string };

/** A column of a file, with examples from its first rows. */
export interface PlannedColumn {
  readonly name: string;
  readonly role: 'SERIES' | 'T' | 'VALUE' | 'SIZE' | 'IGNORE';
  /** In a file with one column per series: the series of these values or sizes. */
  readonly series: string | null;
  /** Up to three values of the first rows, for display. */
  readonly examples: readonly string[];
}

/**
 * The complete instructions for reading a file, requested or guessed. The plan is plain data and is stored with the
 * import, so that every worker that continues the import reads the file in the same way.
 */
export interface ImportPlan {
  readonly format: FileFormat;
  readonly gzip: boolean;
  readonly encoding: string;
  /** Applies to CSV. */
  readonly delimiter: string;
  readonly quote: string;
  readonly header: boolean;
  readonly decimalComma: boolean;
  readonly time: TimeFormat;
  readonly timeZone: string;
  /** The series of all rows, when no column names it. */
  readonly series: string | null;
  readonly columns: readonly PlannedColumn[];
  /** The reason why a readable table gives no ticks; null when it gives ticks. */
  readonly problem: string | null;
}
