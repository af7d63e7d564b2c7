/** The meaning of a column of a file. */
export const columnRoles = ['SERIES', 'T', 'VALUE', 'SIZE', 'IGNORE'] as const;
export type ColumnRole = (typeof columnRoles)[number];

export const fileFormats = ['CSV', 'NDJSON'] as const;
export type FileFormat = (typeof fileFormats)[number];

export interface ImportColumn {
  /** The column's name in the header; without a header, its number, starting at 1. */
  readonly column: string;
  readonly role: ColumnRole;
  /** The series of these values or sizes, in a file with one column per series. */
  readonly series?: string | undefined;
}

/** How to read a file and what to do with it, as the client requested. Missing fields are guessed. */
export interface ImportInput {
  /** Columns that are not listed are guessed; with `onlyNamed` they are ignored. */
  readonly columns?: readonly ImportColumn[] | undefined;
  /** The series of all rows, when no column names it. */
  readonly series?: string | undefined;
  readonly format?: FileFormat | undefined;
  /** One character. Applies to CSV. */
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  readonly header?: boolean | undefined;
  readonly decimalComma?: boolean | undefined;
  /** A label of the Encoding Standard: utf-8, utf-16le, windows-1252. */
  readonly encoding?: string | undefined;
  /** RFC3339, SECONDS, MILLIS, MICROS, NANOS, or a pattern such as dd.MM.yyyy HH:mm:ss. */
  readonly timeFormat?: string | undefined;
  /** The time zone of instants that carry no offset. The default is UTC. */
  readonly timeZone?: string | undefined;
  readonly createMissing: boolean;
  readonly partial: boolean;
  readonly previewOnly: boolean;
  readonly note?: string | undefined;
}
