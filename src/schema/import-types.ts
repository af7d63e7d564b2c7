import { Fault } from '../engine/fault.ts';
import { subscribeToImport } from '../feed/import-progress.ts';
import type { ImportPlan } from '../imports/import-plan.ts';
import type { RejectRow } from '../store/imports/import-rejects.ts';
import type { RequestKind, RequestRow } from '../store/imports/import-requests.ts';
import type { ImportRow, ImportStatus } from '../store/imports/import-rows.ts';
import { builder, type Context } from './builder.ts';
import { globalId, importCursor, parseImportCursor, parseImportId } from './ids.ts';
import { ImportPlanType } from './import-plan.ts';
import { SummaryFnType, SummaryGroupType, summaryOf } from './import-summary.ts';
import { type PageInfo, PageInfoType } from './page-info.ts';
import { CommitType } from './point.ts';
import { NodeType } from './series.ts';

const ImportStatusType = builder.enumType('ImportStatus', {
  description: 'How far an import is.',
  values: {
    UPLOADING: { description: 'Its bytes are still coming.' },
    QUEUED: { description: 'It waits for a worker.' },
    PREVIEWED: { description: 'It was read and nothing was written: commitImport writes it.' },
    RUNNING: { description: 'A worker reads it, writes it or takes it back.' },
    DONE: { description: 'It is written, and can be read.' },
    FAILED: { description: 'Nothing of it is written; `problem` says why.' },
    CANCELLED: { description: 'Somebody ended it, and nothing of it is written.' },
    UNDONE: { description: 'It was written, and taken back since.' },
  } as const satisfies Record<ImportStatus, object>,
});

const RejectedRowType = builder.objectRef<RejectRow>('RejectedRow').implement({
  description: 'A row of a file that was refused.',
  fields: (t) => ({
    line: t.field({ type: 'Long', description: 'Its line in the file, from 1 on.', resolve: ({ line }) => line }),
    column: t.exposeString('column', { nullable: true, description: 'The column; null: the row as a whole.' }),
    reason: t.exposeString('reason', { description: 'Why it was refused.' }),
  }),
});

const RequestKindType = builder.enumType('ImportRequestKind', {
  description: 'What can be asked of an import.',
  values: {
    IMPORT: { description: 'That there be one: by createUpload, importFile, or a client of tus.' },
    PREVIEW: { description: 'That it be looked at again: commitImport with previewOnly.' },
    COMMIT: { description: 'That it be written: commitImport.' },
    CANCEL: { description: 'That it end: cancelImport, or a client of tus that ends its upload.' },
    UNDO: { description: 'That it be taken back: undoImport.' },
  } as const satisfies Record<RequestKind, object>,
});

const byMeaning =
  'Who asked: the address of the client, or the name that a proxy gives it (CLIENT_HEADER); null where nobody knows.';

const ImportRequestType = builder.objectRef<RequestRow>('ImportRequest').implement({
  description: 'Something that was asked of an import.',
  fields: (t) => ({
    what: t.expose('what', { type: RequestKindType, description: 'What was asked.' }),
    at: t.expose('at', { type: 'Instant', description: 'When.' }),
    by: t.exposeString('by', { nullable: true, description: byMeaning }),
  }),
});

const listedMax = 1_000;

/** The number of items that the client requests of a list. */
function countOf(first: number | null | undefined, most: number, what: string): number {
  const count = first ?? 100;
  if (count < 0) throw new Fault('BAD_USER_INPUT', 'first cannot be negative.', ['first']);
  if (count > most)
    throw new Fault('TOO_EXPENSIVE', `At most ${most.toLocaleString('en')} ${what} at once.`, ['first']);
  return count;
}

/** Rows that are neither new nor changed. A row with points of several series is not counted. */
function newOf({ accepted, changed, unchanged, plan }: ImportRow): number | null {
  const values = (plan as ImportPlan | null)?.columns.filter(({ role }) => role === 'VALUE').length ?? 1;
  return values > 1 ? null : Math.max(0, accepted - changed - unchanged);
}

export const ImportType = builder.objectRef<ImportRow>('Import').implement({
  description: 'A file, and what becomes of it. One that did the same work as another shows what became of that one.',
  interfaces: [NodeType],
  fields: (t) => {
    const counted = (name: 'rows' | 'accepted' | 'rejectedCount' | 'unchanged' | 'changed' | 'restored' | 'kept') => ({
      type: 'Long' as const,
      resolve: (row: ImportRow) => row[name],
    });
    const upToSoMany = t.arg.int({ description: 'At most so many; 100 when left out, 1,000 at most.' });
    return {
      filename: t.exposeString('filename', { description: 'The name of the file.' }),
      status: t.expose('status', { type: ImportStatusType, description: 'How far it is.' }),
      size: t.field({
        type: 'Long',
        nullable: true,
        description: 'The bytes of the file; null while whoever sends it has not said.',
        resolve: ({ size }) => size,
      }),
      bytes: t.field({
        type: 'Long',
        description: 'How many of them were read so far.',
        resolve: ({ bytes }) => bytes,
      }),
      sha256: t.exposeString('sha256', {
        nullable: true,
        description: 'The SHA-256 of the file in hex, as it was announced or found; null while nobody knows.',
      }),
      rows: t.field({ ...counted('rows'), description: 'Rows that were read so far, without the header.' }),
      accepted: t.field({ ...counted('accepted'), description: 'Those that were not refused.' }),
      rejectedCount: t.field({ ...counted('rejectedCount'), description: 'Those that were refused.' }),
      rejected: t.field({
        type: [RejectedRowType],
        description: 'Rows that were refused, in the order of the file; rejectsUrl has more of them.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.rejected(row, countOf(first, listedMax, 'rejected rows')),
      }),
      rejectsUrl: t.string({
        nullable: true,
        description: 'Where the refused rows can be fetched as CSV, from this server; null when there are none.',
        resolve: ({ id, rejectedCount }) =>
          rejectedCount > 0 ? `/imports/${globalId('Import', id)}/rejects.csv` : null,
      }),
      unchanged: t.field({
        ...counted('unchanged'),
        description: 'Points that are stored like that already: they are not written again.',
      }),
      changed: t.field({
        ...counted('changed'),
        description: 'Points whose instant holds, or held, another value or size.',
      }),
      new: t.field({
        type: 'Long',
        nullable: true,
        description: 'Rows that hold points of new instants; null where a row holds points of several series.',
        resolve: newOf,
      }),
      createdCount: t.exposeInt('createdCount', { description: 'How many series it makes.' }),
      createdSeries: t.field({
        type: ['String'],
        description: 'The keys of the series that it makes.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.created(row, countOf(first, listedMax, 'series')),
      }),
      movedCount: t.exposeInt('movedCount', { description: 'How many derived series move with it.' }),
      movedSeries: t.field({
        type: ['String'],
        description: 'The keys of derived series that would move, or moved: of those that read what it changes.',
        args: { first: upToSoMany },
        resolve: ({ moved }, { first }) => moved.slice(0, countOf(first, listedMax, 'series')),
      }),
      fromRevision: t.expose('fromRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The first revision that it wrote; null: none.',
      }),
      toRevision: t.expose('toRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The last revision that it wrote; null: none.',
      }),
      undoneRevision: t.expose('undoneRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The revision that took it back; null: none.',
      }),
      restored: t.field({
        ...counted('restored'),
        description: 'Of one that was taken back: points that hold again what they held before.',
      }),
      kept: t.field({
        ...counted('kept'),
        description: 'Of one that was taken back: points that somebody had changed since, which stayed.',
      }),
      problem: t.exposeString('problem', { nullable: true, description: 'What is wrong with it, or with its file.' }),
      plan: t.field({
        type: ImportPlanType,
        nullable: true,
        description: 'How its file is read; null while nobody has looked into it.',
        resolve: ({ plan }) => plan as ImportPlan | null,
      }),
      sameAs: t.field({
        type: 'ID',
        nullable: true,
        description:
          'The import that did the same work, with the same bytes and input: this one shows what became of that one.',
        resolve: ({ sameAs }) => (sameAs === null ? null : globalId('Import', sameAs)),
      }),
      uploadUrl: t.string({
        nullable: true,
        description: 'While it is UPLOADING: where the rest of its bytes is sent by tus, on this server.',
        resolve: ({ status, upload }) => (status === 'UPLOADING' ? uploadUrl(upload) : null),
      }),
      createdAt: t.expose('createdAt', { type: 'Instant', description: 'When it was asked for.' }),
      createdBy: t.exposeString('createdBy', { nullable: true, description: byMeaning }),
      requests: t.field({
        type: [ImportRequestType],
        description: 'All that was asked of it and done, by whom and when, in that order.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.requests(row, countOf(first, listedMax, 'requests')),
      }),
      endedAt: t.expose('endedAt', { type: 'Instant', nullable: true, description: 'When it ended.' }),
      summary: t.field({
        type: [SummaryGroupType],
        nullable: true,
        description:
          'Its table in groups, the largest first, whether it holds ticks or not: at most 10,000 groups. It is computed once, when the file is here: a query waits up to 10 s for it and is null then; importProgress pushes it when it is ready.',
        args: {
          groupBy: t.arg.string({ required: true, description: 'The column whose values make the groups.' }),
          of: t.arg.string({
            description: 'The column of numbers that fn is about; empty cells of it do not count. SHARE takes none.',
          }),
          fn: t.arg({ type: SummaryFnType, required: true, description: 'What is asked of each group.' }),
        },
        resolve: (row, args, context, { operation }) => summaryOf(row, args, context, operation.operation),
      }),
    };
  },
});

/** The address to which a client sends the bytes of an upload. */
export function uploadUrl(upload: string): string {
  return `/uploads/${upload}`;
}

interface ImportPage {
  readonly rows: readonly ImportRow[];
  readonly pageInfo: PageInfo;
}

const ImportEdgeType = builder.objectRef<{ node: ImportRow; cursor: string }>('ImportEdge').implement({
  description: 'An import and its place in the list.',
  fields: (t) => ({
    node: t.expose('node', { type: ImportType, description: 'The import.' }),
    cursor: t.exposeString('cursor', { description: 'Its place, for after.' }),
  }),
});

const ImportConnectionType = builder.objectRef<ImportPage>('ImportConnection').implement({
  description: 'A page of imports, newest first.',
  fields: (t) => ({
    edges: t.field({
      type: [ImportEdgeType],
      description: 'The imports with their cursors.',
      resolve: ({ rows }) => rows.map((node) => ({ node, cursor: importCursor(node.id) })),
    }),
    nodes: t.field({ type: [ImportType], description: 'The imports alone.', resolve: ({ rows }) => [...rows] }),
    pageInfo: t.expose('pageInfo', { type: PageInfoType, description: 'Whether and where to go on.' }),
  }),
});

/** The number in an id. Throws a fault when it is not the id of an import. */
export function requireImportId(id: string): number {
  const number = parseImportId(id);
  if (number === undefined) throw new Fault('NOT_FOUND', 'There is no import with this id.', ['id']);
  return number;
}

async function pageOf(first: number, after: number | undefined, { app }: Context): Promise<ImportPage> {
  const rows = await app.imports.page(first + 1, after);
  const page = rows.slice(0, first);
  const [start, end] = [page.at(0), page.at(-1)];
  const pageInfo = {
    hasNextPage: rows.length > first,
    hasPreviousPage: after !== undefined,
    startCursor: start ? importCursor(start.id) : null,
    endCursor: end ? importCursor(end.id) : null,
  };
  return { rows: page, pageInfo };
}

const pageOfImportsMax = 1_000;

builder.queryFields((t) => ({
  import: t.field({
    type: ImportType,
    nullable: true,
    description: 'The import of an id.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (_, { id }, { operation }) => {
      const number = parseImportId(id);
      return number === undefined ? null : ((await operation.import(number)) ?? null);
    },
  }),
  imports: t.field({
    type: ImportConnectionType,
    description: 'The imports there are, newest first, page by page.',
    args: {
      first: t.arg.int({ description: 'At most so many; 100 when left out.' }),
      after: t.arg.string({ description: 'The cursor to go on behind.' }),
    },
    resolve: (_, { first, after }, context) => {
      const behind = after == null ? undefined : parseImportCursor(after, ['after']);
      return pageOf(countOf(first, pageOfImportsMax, 'imports'), behind, context);
    },
  }),
}));

builder.objectField(CommitType, 'import', (t) =>
  t.field({
    type: ImportType,
    nullable: true,
    description: 'The import that wrote it; null: none did.',
    resolve: async (row, _, { operation }) =>
      row.import === null ? null : ((await operation.import(row.import)) ?? null),
  }),
);

builder.subscriptionField('importProgress', (t) =>
  t.field({
    type: ImportType,
    description:
      'An import as it stands, then again whenever it shows something new, as often as the client can take it. It completes once the import is DONE, FAILED, CANCELLED or UNDONE and the summaries that were selected are ready; after PREVIEWED it goes on, for a commit may follow. Subscribing again begins with how things stand then.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    subscribe: async (_, { id }, { app }) =>
      subscribeToImport(app.followedImports, await app.imports.require(requireImportId(id))),
    resolve: ({ changes: [row] }) => row,
  }),
);
