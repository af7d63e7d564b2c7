/** What a column of a file says. */
export const columnRoles = ['SERIES', 'T', 'VALUE', 'SIZE', 'IGNORE'] as const;
export type ColumnRole = (typeof columnRoles)[number];

export const fileFormats = ['CSV', 'NDJSON'] as const;
export type FileFormat = (typeof fileFormats)[number];

export interface ImportColumn {
  /** Its name in the header; without a header, its number from 1 on. */
  readonly column: string;
  readonly role: ColumnRole;
  /** The series that its values or sizes belong to, where each series has columns of its own. */
  readonly series?: string | undefined;
}

/** How a file is to be read and what is to become of it, as its user said it; what is left out is guessed. */
export interface ImportInput {
  /** Those that are not named are guessed; with `onlyNamed` they are ignored. */
  readonly columns?: readonly ImportColumn[] | undefined;
  /** The series of all rows, where no column says it. */
  readonly series?: string | undefined;
  readonly format?: FileFormat | undefined;
  /** One character; for CSV. */
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  readonly header?: boolean | undefined;
  readonly decimalComma?: boolean | undefined;
  /** As the Encoding Standard names them: utf-8, utf-16le, windows-1252. */
  readonly encoding?: string | undefined;
  /** RFC3339, SECONDS, MILLIS, MICROS, NANOS, or a pattern such as dd.MM.yyyy HH:mm:ss. */
  readonly timeFormat?: string | undefined;
  /** The zone of instants that name none; UTC unless told. */
  readonly timeZone?: string | undefined;
  readonly createMissing: boolean;
  readonly partial: boolean;
  readonly previewOnly: boolean;
  readonly note?: string | undefined;
}
