import { Fault } from '../engine/fault.ts';
import { validateImportInput, validateUpload } from '../imports/validate-input.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import { builder, type Context } from './builder.ts';
import { ColumnRoleType, ImportFormatType } from './import-plan.ts';
import { ImportType, requireImportId, uploadUrl } from './import-types.ts';

const ColumnInput = builder.inputType('ColumnInput', {
  description: 'What a column of a file says.',
  fields: (t) => ({
    column: t.string({
      required: true,
      description: 'Its name in the header; without a header, its number from 1 on.',
    }),
    role: t.field({ type: ColumnRoleType, required: true, description: 'What it says.' }),
    series: t.string({
      description:
        'Of a VALUE or SIZE, where each series has columns of its own: the key of its series; the name of the column when left out.',
    }),
  }),
});

const ImportInput = builder.inputType('ImportInput', {
  description:
    'How a file is read and what becomes of it. What is left out is guessed from its content; in commitImport, it stays as it was said before.',
  fields: (t) => ({
    columns: t.field({
      type: [ColumnInput],
      description: 'What its columns say, at most 10,000; the others are guessed.',
    }),
    series: t.string({ description: 'The key of the series of all rows, where no column says it.' }),
    format: t.field({ type: ImportFormatType, description: 'How it writes its rows.' }),
    delimiter: t.string({ description: 'Of CSV: the character between cells.' }),
    quote: t.string({ description: 'Of CSV: the character around cells that hold a delimiter or a line break.' }),
    header: t.boolean({ description: 'Of CSV: whether its first row names the columns.' }),
    decimalComma: t.boolean({ description: 'Whether numbers are written like 1,5.' }),
    encoding: t.string({ description: "As the Encoding Standard names it: 'utf-8', 'utf-16le', 'windows-1252'." }),
    timeFormat: t.string({
      description:
        "How instants are written: RFC3339, SECONDS, MILLIS, MICROS, NANOS, or a pattern: 'dd.MM.yyyy HH:mm'.",
    }),
    timeZone: t.string({ description: "The zone of instants that name none, as 'Europe/Berlin'; UTC when left out." }),
    createMissing: t.boolean({ description: 'Create series that do not exist; false when left out.' }),
    partial: t.boolean({
      description: 'Write the rows that are good and list the rest, rather than nothing; false when left out.',
    }),
    previewOnly: t.boolean({
      description: 'Read all and write nothing: it ends as PREVIEWED. False when left out, and in commitImport.',
    }),
    note: t.string({ description: 'What is to be remembered of it, with its revisions; up to 1,000 characters.' }),
  }),
});

const CreateUploadInput = builder.inputType('CreateUploadInput', {
  description: 'A file that is going to be sent.',
  fields: (t) => ({
    filename: t.string({ required: true, description: 'Its name; up to 255 characters.' }),
    size: t.field({ type: 'Long', required: true, description: 'Its bytes.' }),
    sha256: t.string({
      description: 'The SHA-256 of its bytes, in hex: a file that is here already is then not sent again.',
    }),
    import: t.field({ type: ImportInput, description: 'How it is read and what becomes of it.' }),
  }),
});

interface Upload {
  readonly upload: string;
  readonly offset: number;
  readonly import: ImportRow;
}

const UploadType = builder.objectRef<Upload>('Upload').implement({
  description: 'Where the bytes of a file are sent, by the tus protocol (tus.io): it goes on after any interruption.',
  fields: (t) => ({
    id: t.id({ description: 'Its id.', resolve: ({ upload }) => upload }),
    url: t.string({
      description: 'Where to send the bytes, on this server: PATCH from `offset` on, as a tus client does by itself.',
      resolve: ({ upload }) => uploadUrl(upload),
    }),
    offset: t.field({
      type: 'Long',
      description: 'How many bytes are here already; all of them when the file was recognized.',
      resolve: ({ offset }) => offset,
    }),
    import: t.expose('import', { type: ImportType, description: 'What becomes of it.' }),
  }),
});

/** Reads the import again after it was changed. */
async function changed({ operation }: Context, row: Promise<ImportRow>): Promise<ImportRow> {
  const found = await row;
  operation.renew();
  return found;
}

/** Adds the argument path to the errors of an input. */
function inInput(error: unknown): never {
  if (!(error instanceof Fault) || !error.inputPath || error.inputPath[0] === 'input') throw error;
  throw new Fault(error.code, error.message, ['input', ...error.inputPath], error.details);
}

const idArgument = 'The id of the import.';

builder.mutationFields((t) => ({
  importFile: t.field({
    type: ImportType,
    description:
      'Imports a small file that comes with the request, as a multipart request. Files of any size come by createUpload.',
    args: {
      file: t.arg({ type: 'File', required: true, description: 'The file.' }),
      input: t.arg({ type: ImportInput, description: 'How it is read and what becomes of it.' }),
    },
    resolve: async (_, { file, input }, context) => {
      const { arrival, imports } = context.app;
      const id = await arrival.fromFile(file, validateImportInput(input, ['input']), context.caller.name);
      return changed(context, imports.require(id));
    },
  }),
  createUpload: t.field({
    type: UploadType,
    description:
      'Announces a file of any size, and says where its bytes are sent. The same call for the same file goes on where it was interrupted.',
    args: { input: t.arg({ type: CreateUploadInput, required: true, description: 'The file.' }) },
    resolve: async (_, { input }, context) => {
      const { arrival, imports } = context.app;
      const made = await arrival.createUpload(validateUpload(input), context.caller.name).catch(inInput);
      return { ...made, import: await changed(context, imports.require(made.import)) };
    },
  }),
  commitImport: t.field({
    type: ImportType,
    description:
      'Writes what was PREVIEWED. Also reads one anew that FAILED because rows were refused, with another input. CONFLICT otherwise.',
    args: {
      id: t.arg.id({ required: true, description: idArgument }),
      input: t.arg({
        type: ImportInput,
        description:
          'What is wanted otherwise than before; with previewOnly it is looked at again rather than written.',
      }),
    },
    resolve: (_, { id, input }, context) =>
      changed(context, context.app.imports.commit(requireImportId(id), input, context.caller.name)),
  }),
  cancelImport: t.field({
    type: ImportType,
    description:
      'Ends an import that has not ended, with nothing written; one that a worker is at ends a moment later. CONFLICT when it has ended.',
    args: { id: t.arg.id({ required: true, description: idArgument }) },
    resolve: (_, { id }, context) =>
      changed(context, context.app.imports.cancel(requireImportId(id), context.caller.name)),
  }),
  undoImport: t.field({
    type: ImportType,
    description:
      'Takes back one that is DONE: every point that it changed, and nobody has changed since, holds again what it held before. Series that it made stay. CONFLICT otherwise.',
    args: { id: t.arg.id({ required: true, description: idArgument }) },
    resolve: (_, { id }, context) =>
      changed(context, context.app.imports.undo(requireImportId(id), context.caller.name)),
  }),
}));
