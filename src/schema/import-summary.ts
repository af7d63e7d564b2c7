import type { SummaryFn } from '../imports/column-summary.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import type { GroupRow } from '../store/imports/import-summaries.ts';
import { builder, type Context } from './builder.ts';

export const SummaryFnType = builder.enumType('SummaryFn', {
  description: 'What is told of each group of rows.',
  values: {
    COUNT: { description: 'How many rows it has; with `of`, how many of them hold something there.' },
    SHARE: { description: 'How many of all rows it has, 0 to 1.' },
    MEAN: { description: 'The mean of `of`; the sum behind it is exact.' },
    SUM: { description: 'The sum of `of`, exact and rounded once.' },
    MIN: { description: 'The least of `of`.' },
    MAX: { description: 'The largest of `of`.' },
    MEDIAN: {
      description:
        'The middle of `of`, or the mean of the two in the middle; exact, of at most 2,000,000 numbers in the file.',
    },
  } as const satisfies Record<SummaryFn, object>,
});

export const SummaryGroupType = builder.objectRef<GroupRow>('SummaryGroup').implement({
  description: 'Rows of a table that hold the same in one column.',
  fields: (t) => ({
    group: t.string({
      description: 'What they hold there; empty cells are a group, too.',
      resolve: ([group]) => group,
    }),
    value: t.float({
      nullable: true,
      description: 'What was asked of them; null where none of them holds a number, and where it is too large for one.',
      resolve: ([, value]) => value,
    }),
    count: t.field({
      type: 'Long',
      description: 'How many rows it was made from: those whose cell of `of` is empty do not count.',
      resolve: ([, , count]) => count,
    }),
  }),
});

/** The time that a query waits for a summary. */
const patienceMillis = 10_000;

export interface SummaryArguments {
  readonly groupBy: string;
  readonly of?: string | null | undefined;
  readonly fn: SummaryFn;
}

/** A subscription gets another event when the summary is ready, and a client that must upload first should not wait. */
export async function summaryOf(
  row: ImportRow,
  { groupBy, of, fn }: SummaryArguments,
  { app, operation }: Context,
  kind: 'query' | 'mutation' | 'subscription',
): Promise<GroupRow[] | null> {
  const { followedImports, imports } = app;
  const look = () => imports.summaries.read(followedImports.row(row.id) ?? row, { groupBy, of: of ?? undefined, fn });
  const isPatient = kind === 'query' || (kind === 'mutation' && row.status !== 'UPLOADING');
  const groups = isPatient ? await followedImports.until(row, patienceMillis, look) : await look();
  if (groups === undefined) operation.isUnready = true;
  return groups ? [...groups] : null;
}
