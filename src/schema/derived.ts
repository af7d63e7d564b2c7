import { type DerivedStatus, formulaAt, pendingOf, progressOf, statusOf } from '../derive/derivation.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import { builder } from './builder.ts';
import { SpanType } from './point.ts';
import { NodeType, SeriesType } from './series.ts';

const DerivedStatusType = builder.enumType('DerivedStatus', {
  description: 'How it stands with a derived series.',
  values: {
    LIVE: { description: 'It follows what is written.' },
    CATCHING_UP: { description: 'Much of it is being computed: for the first time, or again.' },
    FAILED: { description: 'It cannot be computed; `problem` says why. It is tried again.' },
  } as const satisfies Record<DerivedStatus, object>,
});

export const DerivedSeriesType = builder.objectRef<SeriesRow>('DerivedSeries').implement({
  description: 'A series that holds what its formula says, for every instant, always.',
  interfaces: [NodeType, SeriesType],
  fields: (t) => ({
    formula: t.string({
      description: 'What it is computed by.',
      args: {
        asOf: t.arg({
          type: 'Revision',
          description: 'The formula that answered at this revision; now when left out.',
        }),
      },
      resolve: async ({ id }, { asOf }, { operation }) => {
        const revision = await operation.asOf(asOf);
        return formulaAt(await operation.derivation(id), revision);
      },
    }),
    nextFormula: t.string({
      nullable: true,
      description: 'A redefinition on its way; the old one answers until it switches in one revision.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return (live && next?.formula) ?? null;
      },
    }),
    inputs: t.field({
      type: [SeriesType],
      description: 'The series that its formula reads.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return operation.seriesByIds((live ?? next)?.inputs.map(({ series }) => series) ?? []);
      },
    }),
    status: t.field({
      type: DerivedStatusType,
      description: 'How it stands with it.',
      resolve: async ({ id }, _, { operation }) => statusOf(await operation.derivation(id)),
    }),
    progress: t.float({
      description: 'What of it is caught up, 0 to 1; of a redefinition while one is on its way.',
      resolve: async ({ id }, _, { operation }) => progressOf(await operation.derivation(id)),
    }),
    pending: t.field({
      type: [SpanType],
      description:
        'What is known to be out of date right now: from the first instant that may be another one on. Nothing when it is up to date.',
      resolve: async ({ id }, _, { app, operation }) => {
        const newest = await operation.revision();
        return pendingOf(app.database, await operation.derivation(id), newest);
      },
    }),
    problem: t.string({
      nullable: true,
      description: 'Why it, or a redefinition on its way, cannot be computed.',
      resolve: async ({ id }, _, { operation }) => {
        const { live, next } = await operation.derivation(id);
        return live?.problem ?? next?.problem ?? null;
      },
    }),
  }),
});
