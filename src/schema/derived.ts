import { type DerivedStatus, formulaAt, pendingOf, progressOf, statusOf } from '../derive/derivation.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { builder } from './builder.ts';
import { SpanType } from './point.ts';
import { NodeType, SeriesType } from './series.ts';

const DerivedStatusType = builder.enumType('DerivedStatus', {
  description: 'The status of a derived series.',
  values: {
    LIVE: { description: 'The series follows its inputs.' },
    CATCHING_UP: { description: 'A long computation is running: the first one, or one after a large change.' },
    FAILED: { description: 'The series cannot be computed; `problem` says why. The worker retries.' },
  } as const satisfies Record<DerivedStatus, object>,
});

export const DerivedSeriesType = builder.objectRef<SeriesRow>('DerivedSeries').implement({
  description: 'A series whose points always equal its formula, at every instant.',
  interfaces: [NodeType, SeriesType],
  fields: (t) => ({
    formula: t.string({
      description: 'The formula.',
      args: {
        asOf: t.arg({
          type: 'Revision',
          description: 'The revision at which the formula was in force. The default is now.',
        }),
      },
      resolve: async ({ id }, { asOf }, { operation }) => {
        const revision = await operation.asOf(asOf);
        return formulaAt(await operation.derivation(id), revision);
      },
    }),
    nextFormula: t.string({
      nullable: true,
      description:
        'The formula of a redefinition that is being computed. The present formula stays in force until both switch in one revision.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return (live && next?.formula) ?? null;
      },
    }),
    inputs: t.field({
      type: [SeriesType],
      description: 'The series that the formula reads.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return operation.seriesByIds((live ?? next)?.inputs.map(({ series }) => series) ?? []);
      },
    }),
    status: t.field({
      type: DerivedStatusType,
      description: 'The status.',
      resolve: async ({ id }, _, { operation }) => statusOf(await operation.derivation(id)),
    }),
    progress: t.float({
      description:
        'The share of the running computation that is done, from 0 to 1; during a redefinition, its progress.',
      resolve: async ({ id }, _, { operation }) => progressOf(await operation.derivation(id)),
    }),
    pending: t.field({
      type: [SpanType],
      description:
        'The spans that may be out of date now, from the first affected instant on. Empty when the series is up to date.',
      resolve: async ({ id }, _, { app, operation }) => {
        const newest = await operation.revision();
        return pendingOf(app.database, await operation.derivation(id), newest);
      },
    }),
    problem: t.string({
      nullable: true,
      description: 'The reason why the series, or its redefinition, cannot be computed.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return live?.problem ?? next?.problem ?? null;
      },
    }),
  }),
});
