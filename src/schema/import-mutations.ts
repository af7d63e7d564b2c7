import { Fault } from '../engine/fault.ts';
import { validateImportInput, validateUpload } from '../imports/validate-input.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import { builder, type Context } from './builder.ts';
import { ColumnRoleType, ImportFormatType } from './import-plan.ts';
import { ImportType, requireImportId, uploadUrl } from './import-types.ts';

const ColumnInput = builder.inputType('ColumnInput', {
  description: 'The meaning of one column of a file.',
  fields: (t) => ({
    column: t.string({
      required: true,
      description: 'The name in the header; without a header, the number of the column, starting at 1.',
    }),
    role: t.field({ type: ColumnRoleType, required: true, description: 'The role of the column.' }),
    series: t.string({
      description:
        'For VALUE or SIZE, in a file with one column per series: the key of the series. The default is the name of the column.',
    }),
  }),
});

const ImportInput = builder.inputType('ImportInput', {
  description:
    'How to read a file and what to do with it. Missing fields are guessed from the content; in commitImport they keep their earlier values.',
  fields: (t) => ({
    columns: t.field({
      type: [ColumnInput],
      description: 'The roles of columns, at most 10,000. The other columns are guessed.',
    }),
    series: t.string({ description: 'The key of the series of all rows, when no column names it.' }),
    format: t.field({ type: ImportFormatType, description: 'The format of the file.' }),
    delimiter: t.string({ description: 'For CSV: the character between cells.' }),
    quote: t.string({ description: 'For CSV: the character around cells that contain a delimiter or a line break.' }),
    header: t.boolean({ description: 'For CSV: true when the first row names the columns.' }),
    decimalComma: t.boolean({ description: 'True when numbers are written like 1,5.' }),
    encoding: t.string({ description: "A label of the Encoding Standard: 'utf-8', 'utf-16le', 'windows-1252'." }),
    timeFormat: t.string({
      description:
        "The format of instants: RFC3339, SECONDS, MILLIS, MICROS, NANOS, or a pattern such as 'dd.MM.yyyy HH:mm'.",
    }),
    timeZone: t.string({
      description: "The time zone of instants without an offset, such as 'Europe/Berlin'. The default is UTC.",
    }),
    createMissing: t.boolean({ description: 'Create missing series. The default is false.' }),
    partial: t.boolean({
      description: 'Write the valid rows and list the rejected ones, instead of writing nothing. The default is false.',
    }),
    previewOnly: t.boolean({
      description:
        'Read the whole file and write nothing: the import ends as PREVIEWED. The default is false, also in commitImport.',
    }),
    note: t.string({ description: 'A note for its revisions, up to 1,000 characters.' }),
  }),
});

const CreateUploadInput = builder.inputType('CreateUploadInput', {
  description: 'A file that the client is going to send.',
  fields: (t) => ({
    filename: t.string({ required: true, description: 'The name of the file, up to 255 characters.' }),
    size: t.field({ type: 'Long', required: true, description: 'The size in bytes.' }),
    sha256: t.string({
      description: 'The SHA-256 of the bytes in hex. The server does not need a file again that it has.',
    }),
    import: t.field({ type: ImportInput, description: 'How to read the file and what to do with it.' }),
  }),
});

interface Upload {
  readonly upload: string;
  readonly offset: number;
  readonly import: ImportRow;
}

const UploadType = builder.objectRef<Upload>('Upload').implement({
  description:
    'The address to which the client sends the bytes with the tus protocol (tus.io). An upload survives any interruption.',
  fields: (t) => ({
    id: t.id({ description: 'The id of the upload.', resolve: ({ upload }) => upload }),
    url: t.string({
      description: 'The path on this server for PATCH requests from `offset` on, which tus clients send.',
      resolve: ({ upload }) => uploadUrl(upload),
    }),
    offset: t.field({
      type: 'Long',
      description: 'The number of bytes that the server has; all of them when it recognized the file.',
      resolve: ({ offset }) => offset,
    }),
    import: t.expose('import', { type: ImportType, description: 'The import of the file.' }),
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
    description: 'Imports a small file that arrives in the multipart request. For files of any size use createUpload.',
    args: {
      file: t.arg({ type: 'File', required: true, description: 'The file.' }),
      input: t.arg({ type: ImportInput, description: 'How to read the file and what to do with it.' }),
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
      'Announces a file of any size and returns the address for its bytes. The same call for the same file resumes an interrupted upload.',
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
      'Writes a PREVIEWED import. It also reads an import again that FAILED because of rejected rows, with another input. CONFLICT otherwise.',
    args: {
      id: t.arg.id({ required: true, description: idArgument }),
      input: t.arg({
        type: ImportInput,
        description:
          'Fields that replace those of the earlier input. With previewOnly, it runs another preview instead.',
      }),
    },
    resolve: (_, { id, input }, context) =>
      changed(context, context.app.imports.commit(requireImportId(id), input, context.caller.name)),
  }),
  cancelImport: t.field({
    type: ImportType,
    description:
      'Cancels an import that has not ended. Nothing is written. A running import ends a moment later. CONFLICT when it has ended.',
    args: { id: t.arg.id({ required: true, description: idArgument }) },
    resolve: (_, { id }, context) =>
      changed(context, context.app.imports.cancel(requireImportId(id), context.caller.name)),
  }),
  undoImport: t.field({
    type: ImportType,
    description:
      'Reverts an import that is DONE: every point that it changed, and that nobody has changed since, gets its earlier value. Series that it created stay. CONFLICT otherwise.',
    args: { id: t.arg.id({ required: true, description: idArgument }) },
    resolve: (_, { id }, context) =>
      changed(context, context.app.imports.undo(requireImportId(id), context.caller.name)),
  }),
}));
