import type { ColumnRole, FileFormat } from '../imports/import-input.ts';
import type { ImportPlan, PlannedColumn, TimeFormat } from '../imports/import-plan.ts';
import { builder } from './builder.ts';

export const ImportFormatType = builder.enumType('ImportFormat', {
  description: 'The format of a file.',
  values: {
    CSV: { description: 'Cells separated by a delimiter such as comma, tab or semicolon.' },
    NDJSON: { description: 'One JSON object per line.' },
  } as const satisfies Record<FileFormat, object>,
});

export const ColumnRoleType = builder.enumType('ColumnRole', {
  description: 'The role of a column of a file.',
  values: {
    SERIES: { description: "The key of the row's series." },
    T: { description: 'The instant.' },
    VALUE: { description: "The value of the row's series, or of the column's own series." },
    SIZE: { description: "The size of the row's series, or of the column's own series." },
    IGNORE: { description: 'The column is not imported.' },
  } as const satisfies Record<ColumnRole, object>,
});

const PlannedColumnType = builder.objectRef<PlannedColumn>('PlannedColumn').implement({
  description: 'A column of a file and its role.',
  fields: (t) => ({
    name: t.exposeString('name', {
      description: 'The name in the header; without a header, the number of the column, starting at 1.',
    }),
    role: t.expose('role', { type: ColumnRoleType, description: 'The role of the column.' }),
    series: t.exposeString('series', {
      nullable: true,
      description: 'In a file with one column per series: the series of these values or sizes.',
    }),
    examples: t.field({
      type: ['String'],
      description: 'Up to three cells of the first rows.',
      resolve: ({ examples }) => [...examples],
    }),
  }),
});

/** In the notation of ImportInput.timeFormat. */
function writtenTime(time: TimeFormat): string {
  if (time.kind === 'rfc3339') return 'RFC3339';
  return time.kind === 'epoch' ? time.unit : time.pattern;
}

export const ImportPlanType = builder.objectRef<ImportPlan>('ImportPlan').implement({
  description: 'How a file is read: the fields of ImportInput, and guesses for the rest.',
  fields: (t) => ({
    format: t.expose('format', { type: ImportFormatType, description: 'The format of the file.' }),
    gzip: t.exposeBoolean('gzip', { description: 'True when the file is compressed with gzip.' }),
    encoding: t.exposeString('encoding', { description: 'The character encoding.' }),
    delimiter: t.exposeString('delimiter', { description: 'For CSV: the character between cells.' }),
    quote: t.exposeString('quote', { description: 'For CSV: the character around cells that need it.' }),
    header: t.exposeBoolean('header', { description: 'For CSV: true when the first row names the columns.' }),
    decimalComma: t.exposeBoolean('decimalComma', { description: 'True when numbers are written like 1,5.' }),
    timeFormat: t.string({
      description: 'The format of instants: RFC3339, SECONDS, MILLIS, MICROS, NANOS or a pattern.',
      resolve: ({ time }) => writtenTime(time),
    }),
    timeZone: t.exposeString('timeZone', { description: 'The time zone of instants without an offset.' }),
    series: t.exposeString('series', {
      nullable: true,
      description: 'The series of all rows, when no column names it.',
    }),
    columns: t.field({
      type: [PlannedColumnType],
      description: 'The columns in their order.',
      resolve: ({ columns }) => [...columns],
    }),
    problem: t.exposeString('problem', {
      nullable: true,
      description:
        'The reason why this table gives no ticks. It can be summarized, and committed once `input` gives the roles of its columns.',
    }),
  }),
});
