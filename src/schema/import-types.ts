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
  description: 'The status of an import.',
  values: {
    UPLOADING: { description: 'The client is sending the bytes.' },
    QUEUED: { description: 'The import waits for a worker.' },
    PREVIEWED: { description: 'The file was read and nothing was written. commitImport writes it.' },
    RUNNING: { description: 'A worker is reading, writing or undoing it.' },
    DONE: { description: 'The points are written and readable.' },
    FAILED: { description: 'Nothing was written; `problem` says why.' },
    CANCELLED: { description: 'A client cancelled it. Nothing was written.' },
    UNDONE: { description: 'It was written, and a client has undone it since.' },
  } as const satisfies Record<ImportStatus, object>,
});

const RejectedRowType = builder.objectRef<RejectRow>('RejectedRow').implement({
  description: 'A rejected row of a file.',
  fields: (t) => ({
    line: t.field({ type: 'Long', description: 'The line in the file, starting at 1.', resolve: ({ line }) => line }),
    column: t.exposeString('column', { nullable: true, description: 'The column; null for the row as a whole.' }),
    reason: t.exposeString('reason', { description: 'The reason for the rejection.' }),
  }),
});

const RequestKindType = builder.enumType('ImportRequestKind', {
  description: 'A kind of request on an import.',
  values: {
    IMPORT: { description: 'Create it: createUpload, importFile, or a tus client.' },
    PREVIEW: { description: 'Preview it again: commitImport with previewOnly.' },
    COMMIT: { description: 'Write it: commitImport.' },
    CANCEL: { description: 'Cancel it: cancelImport, or a tus client that terminates its upload.' },
    UNDO: { description: 'Undo it: undoImport.' },
  } as const satisfies Record<RequestKind, object>,
});

const byMeaning =
  'Who asked: the address of the client, or the name that a proxy gives it (CLIENT_HEADER); null where nobody knows.';

const ImportRequestType = builder.objectRef<RequestRow>('ImportRequest').implement({
  description: 'A request on an import.',
  fields: (t) => ({
    what: t.expose('what', { type: RequestKindType, description: 'The kind of request.' }),
    at: t.expose('at', { type: 'Instant', description: 'The time of the request.' }),
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
  description: 'A file and its import. A duplicate import shows the result of the import that did the work.',
  interfaces: [NodeType],
  fields: (t) => {
    const counted = (name: 'rows' | 'accepted' | 'rejectedCount' | 'unchanged' | 'changed' | 'restored' | 'kept') => ({
      type: 'Long' as const,
      resolve: (row: ImportRow) => row[name],
    });
    const upToSoMany = t.arg.int({ description: 'The most items to return. The default is 100, the limit 1,000.' });
    return {
      filename: t.exposeString('filename', { description: 'The name of the file.' }),
      status: t.expose('status', { type: ImportStatusType, description: 'The status.' }),
      size: t.field({
        type: 'Long',
        nullable: true,
        description: 'The size of the file in bytes; null while the client has not announced it.',
        resolve: ({ size }) => size,
      }),
      bytes: t.field({
        type: 'Long',
        description: 'The number of bytes that were read.',
        resolve: ({ bytes }) => bytes,
      }),
      sha256: t.exposeString('sha256', {
        nullable: true,
        description: 'The SHA-256 of the file in hex, announced or computed; null while it is unknown.',
      }),
      rows: t.field({ ...counted('rows'), description: 'The number of rows that were read, without the header.' }),
      accepted: t.field({ ...counted('accepted'), description: 'The number of accepted rows.' }),
      rejectedCount: t.field({ ...counted('rejectedCount'), description: 'The number of rejected rows.' }),
      rejected: t.field({
        type: [RejectedRowType],
        description: 'The rejected rows in the order of the file. rejectsUrl lists more of them.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.rejected(row, countOf(first, listedMax, 'rejected rows')),
      }),
      rejectsUrl: t.string({
        nullable: true,
        description: 'The path on this server of the rejected rows as CSV; null when there are none.',
        resolve: ({ id, rejectedCount }) =>
          rejectedCount > 0 ? `/imports/${globalId('Import', id)}/rejects.csv` : null,
      }),
      unchanged: t.field({
        ...counted('unchanged'),
        description: 'The number of points that are already stored with this value. They are not written again.',
      }),
      changed: t.field({
        ...counted('changed'),
        description: 'The number of points whose instant has, or had, another value or size.',
      }),
      new: t.field({
        type: 'Long',
        nullable: true,
        description: 'The number of rows with points at new instants; null when a row holds points of several series.',
        resolve: newOf,
      }),
      createdCount: t.exposeInt('createdCount', { description: 'The number of series that it creates.' }),
      createdSeries: t.field({
        type: ['String'],
        description: 'The keys of the series that it creates.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.created(row, countOf(first, listedMax, 'series')),
      }),
      movedCount: t.exposeInt('movedCount', { description: 'The number of derived series that change with it.' }),
      movedSeries: t.field({
        type: ['String'],
        description: 'The keys of derived series that change with it, because they depend on the changed series.',
        args: { first: upToSoMany },
        resolve: ({ moved }, { first }) => moved.slice(0, countOf(first, listedMax, 'series')),
      }),
      fromRevision: t.expose('fromRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The first revision that it wrote; null when it wrote none.',
      }),
      toRevision: t.expose('toRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The last revision that it wrote; null when it wrote none.',
      }),
      undoneRevision: t.expose('undoneRevision', {
        type: 'Revision',
        nullable: true,
        description: 'The revision that undid it; null when there is none.',
      }),
      restored: t.field({
        ...counted('restored'),
        description: 'After an undo: the number of points with their earlier value again.',
      }),
      kept: t.field({
        ...counted('kept'),
        description: 'After an undo: the number of points that somebody had changed since, which stayed.',
      }),
      problem: t.exposeString('problem', {
        nullable: true,
        description: 'The reason why the import or its file is invalid.',
      }),
      plan: t.field({
        type: ImportPlanType,
        nullable: true,
        description: 'How the file is read; null before a worker has opened it.',
        resolve: ({ plan }) => plan as ImportPlan | null,
      }),
      sameAs: t.field({
        type: 'ID',
        nullable: true,
        description: 'The import that did the same work, with the same bytes and input. This one shows its result.',
        resolve: ({ sameAs }) => (sameAs === null ? null : globalId('Import', sameAs)),
      }),
      uploadUrl: t.string({
        nullable: true,
        description: 'While UPLOADING: the path on this server for the remaining bytes, by tus.',
        resolve: ({ status, upload }) => (status === 'UPLOADING' ? uploadUrl(upload) : null),
      }),
      createdAt: t.expose('createdAt', { type: 'Instant', description: 'The time of the first request.' }),
      createdBy: t.exposeString('createdBy', { nullable: true, description: byMeaning }),
      requests: t.field({
        type: [ImportRequestType],
        description: 'All requests on this import in order, with client and time.',
        args: { first: upToSoMany },
        resolve: (row, { first }, { app }) => app.imports.requests(row, countOf(first, listedMax, 'requests')),
      }),
      endedAt: t.expose('endedAt', { type: 'Instant', nullable: true, description: 'The time at which it ended.' }),
      summary: t.field({
        type: [SummaryGroupType],
        nullable: true,
        description:
          'The table in groups, largest first, whether it holds ticks or not; at most 10,000 groups. The server computes it once, when it has the file. A query waits up to 10 s and then returns null; importProgress sends the summary when it is ready.',
        args: {
          groupBy: t.arg.string({ required: true, description: 'The column whose values form the groups.' }),
          of: t.arg.string({
            description: 'The column of numbers that fn aggregates. Empty cells do not count. SHARE takes none.',
          }),
          fn: t.arg({ type: SummaryFnType, required: true, description: 'The aggregate of each group.' }),
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
  description: 'An import and its cursor.',
  fields: (t) => ({
    node: t.expose('node', { type: ImportType, description: 'The import.' }),
    cursor: t.exposeString('cursor', { description: 'The cursor, for after.' }),
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
    nodes: t.field({
      type: [ImportType],
      description: 'The imports without cursors.',
      resolve: ({ rows }) => [...rows],
    }),
    pageInfo: t.expose('pageInfo', { type: PageInfoType, description: 'Whether there are more pages.' }),
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
    description: 'The import with an id.',
    args: { id: t.arg.id({ required: true, description: 'The id.' }) },
    resolve: async (_, { id }, { operation }) => {
      const number = parseImportId(id);
      return number === undefined ? null : ((await operation.import(number)) ?? null);
    },
  }),
  imports: t.field({
    type: ImportConnectionType,
    description: 'All imports, newest first, in pages.',
    args: {
      first: t.arg.int({ description: 'The most imports to return. The default is 100.' }),
      after: t.arg.string({ description: 'The cursor after which the page starts.' }),
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
    description: 'The import that wrote this commit; null when none did.',
    resolve: async (row, _, { operation }) =>
      row.import === null ? null : ((await operation.import(row.import)) ?? null),
  }),
);

builder.subscriptionField('importProgress', (t) =>
  t.field({
    type: ImportType,
    description:
      'The present state of an import, and then every change, as often as the client can receive it. It completes once the import is DONE, FAILED, CANCELLED or UNDONE and the selected summaries are ready. After PREVIEWED it continues, because a commit may follow. A new subscription starts with the state at that time.',
    args: { id: t.arg.id({ required: true, description: 'The id.' }) },
    subscribe: async (_, { id }, { app }) =>
      subscribeToImport(app.followedImports, await app.imports.require(requireImportId(id))),
    resolve: ({ changes: [row] }) => row,
  }),
);
