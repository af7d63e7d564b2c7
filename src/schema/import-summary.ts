import type { SummaryFn } from '../imports/column-summary.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import type { GroupRow } from '../store/imports/import-summaries.ts';
import { builder, type Context } from './builder.ts';

export const SummaryFnType = builder.enumType('SummaryFn', {
  description: 'The value that is computed for each group of rows.',
  values: {
    COUNT: { description: 'The number of rows; with `of`, of rows whose cell in that column is not empty.' },
    SHARE: { description: 'The share of all rows, from 0 to 1.' },
    MEAN: { description: 'The mean of `of`, from an exact sum.' },
    SUM: { description: 'The exact sum of `of`, rounded once.' },
    MIN: { description: 'The least of `of`.' },
    MAX: { description: 'The largest of `of`.' },
    MEDIAN: {
      description:
        'The median of `of`, or the mean of the middle two. Exact, for at most 2,000,000 numbers in the file.',
    },
  } as const satisfies Record<SummaryFn, object>,
});

export const SummaryGroupType = builder.objectRef<GroupRow>('SummaryGroup').implement({
  description: 'The rows of a table with the same value in one column.',
  fields: (t) => ({
    group: t.string({
      description: 'The common value. Empty cells form a group, too.',
      resolve: ([group]) => group,
    }),
    value: t.float({
      nullable: true,
      description: 'The result of fn; null when the group holds no number, or the result exceeds the double range.',
      resolve: ([, value]) => value,
    }),
    count: t.field({
      type: 'Long',
      description: 'The number of rows in the result. Rows with an empty cell in `of` do not count.',
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
