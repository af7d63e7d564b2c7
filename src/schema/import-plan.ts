import type { ColumnRole, FileFormat } from '../imports/import-input.ts';
import type { ImportPlan, PlannedColumn, TimeFormat } from '../imports/import-plan.ts';
import { builder } from './builder.ts';

export const ImportFormatType = builder.enumType('ImportFormat', {
  description: 'How a file writes its rows.',
  values: {
    CSV: { description: 'Cells with a delimiter between them: comma, tab, semicolon or whatever it is.' },
    NDJSON: { description: 'A JSON object a line.' },
  } as const satisfies Record<FileFormat, object>,
});

export const ColumnRoleType = builder.enumType('ColumnRole', {
  description: 'What a column of a file says.',
  values: {
    SERIES: { description: 'The key of the series of its row.' },
    T: { description: 'The instant.' },
    VALUE: { description: 'The value: of the series of its row, or of a series of its own.' },
    SIZE: { description: 'The size: of the series of its row, or of a series of its own.' },
    IGNORE: { description: 'Nothing that is imported.' },
  } as const satisfies Record<ColumnRole, object>,
});

const PlannedColumnType = builder.objectRef<PlannedColumn>('PlannedColumn').implement({
  description: 'A column of a file, and what it was taken for.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name in the header; without a header, its number from 1 on.' }),
    role: t.expose('role', { type: ColumnRoleType, description: 'What it says.' }),
    series: t.exposeString('series', {
      nullable: true,
      description: 'The series that its values or sizes belong to, where each series has columns of its own.',
    }),
    examples: t.field({
      type: ['String'],
      description: 'What its first rows hold: at most three.',
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
  description: 'How a file is read: what was said in ImportInput, and what was guessed from its content for the rest.',
  fields: (t) => ({
    format: t.expose('format', { type: ImportFormatType, description: 'How it writes its rows.' }),
    gzip: t.exposeBoolean('gzip', { description: 'Whether it is compressed.' }),
    encoding: t.exposeString('encoding', { description: 'How its characters are written.' }),
    delimiter: t.exposeString('delimiter', { description: 'Of CSV: what stands between cells.' }),
    quote: t.exposeString('quote', { description: 'Of CSV: what stands around cells that need it.' }),
    header: t.exposeBoolean('header', { description: 'Of CSV: whether its first row names the columns.' }),
    decimalComma: t.exposeBoolean('decimalComma', { description: 'Whether numbers are written like 1,5.' }),
    timeFormat: t.string({
      description: 'How its instants are written: RFC3339, SECONDS, MILLIS, MICROS, NANOS or a pattern.',
      resolve: ({ time }) => writtenTime(time),
    }),
    timeZone: t.exposeString('timeZone', { description: 'The zone of instants that name none.' }),
    series: t.exposeString('series', {
      nullable: true,
      description: 'The series of all rows, where no column says it.',
    }),
    columns: t.field({
      type: [PlannedColumnType],
      description: 'Its columns, in their order.',
      resolve: ({ columns }) => [...columns],
    }),
    problem: t.exposeString('problem', {
      nullable: true,
      description:
        'Why no ticks can be read from it, though it is a table: it can be summarized, and committed once `input` says what its columns are.',
    }),
  }),
});
