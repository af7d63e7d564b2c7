import { evaluate } from '../derive/evaluate.ts';
import { type ExplainedInput, type Explanation, explain } from '../derive/explain.ts';
import type { CommitRow } from '../store/catalogue.ts';
import { builder } from './builder.ts';
import { placeDescription } from './formula-place.ts';
import { requireInstant } from './instant-argument.ts';
import { CommitType, PointType, rangeOf, SamplesType, SpanType, TimeRange } from './point.ts';
import { checkMaxPoints, SeriesType } from './series.ts';

const ExplainedInputType = builder.objectRef<ExplainedInput>('ExplainedInput').implement({
  description: 'The points of an input that a value was computed from.',
  fields: (t) => ({
    series: t.expose('series', { type: SeriesType, description: 'The input.' }),
    span: t.expose('span', {
      type: SpanType,
      description:
        'From the first of these points to the last. Between them others may lie that do not count: of delta(X, 1d) two points count, a day apart.',
    }),
    count: t.field({ type: 'Long', description: 'How many points count.', resolve: ({ count }) => count }),
    points: t.field({
      type: [PointType],
      description: 'The newest of those that count, ascending; at most 100.',
      resolve: ({ points }) => [...points],
    }),
    truncated: t.exposeBoolean('truncated', { description: 'Whether there are more than are shown.' }),
    commits: t.field({
      type: [CommitType],
      description: 'The commits that last changed the points shown, newest first.',
      resolve: async ({ points }, _, { operation }) => {
        const revisions = [...new Set(points.map(({ revision }) => revision))].sort((a, b) => b - a);
        const commits = await Promise.all(revisions.map((revision) => operation.commit(revision)));
        return commits.filter((commit): commit is CommitRow => commit !== undefined);
      },
    }),
  }),
});

const ExplanationType = builder.objectRef<Explanation>('Explanation').implement({
  description: 'Why a point has its value.',
  fields: (t) => ({
    series: t.expose('series', { type: SeriesType, description: 'Its series.' }),
    formula: t.string({
      nullable: true,
      description: 'What it was computed by; null for a source series.',
      resolve: ({ formula }) => formula ?? null,
    }),
    t: t.expose('t', { type: 'Instant', description: 'Its instant.' }),
    value: t.float({
      nullable: true,
      description: 'Its value; null when there is no point.',
      resolve: ({ value }) => value ?? null,
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision that was read.' }),
    inputs: t.field({
      type: [ExplainedInputType],
      description:
        'What went in, input by input: exactly that where an operator reads series, at most some more where operators read operators. What remembers everything counts all that came before. Of lag(f, 5s) - g where f has a point at t: of f the last point at or before t - 5s, not the one at t; of g the last one at or before t.',
      resolve: ({ inputs }) => [...inputs],
    }),
  }),
});

const asOfDescription = 'Read what was known at this revision; the newest when left out.';

builder.queryFields((t) => ({
  evaluate: t.field({
    type: SamplesType,
    description:
      'Computes a formula without saving it: over a range it gives exactly that slice of what it gives over everything. More than maxPoints points are thinned as samples(method: MINMAX) thins them: to 1,000 when it is left out. Only the field `thinned` tells that this happened. UNAVAILABLE when a derived series of the formula has no points because its first computation is not done, or has failed.',
    args: {
      formula: t.arg.string({ required: true, description: `The formula. ${placeDescription}` }),
      range: t.arg({ type: TimeRange, description: 'Only these.' }),
      maxPoints: t.arg.int({
        defaultValue: 1000,
        description: 'The largest number of points: 1,000 when left out, all of them with null.',
      }),
      asOf: t.arg({ type: 'Revision', description: asOfDescription }),
    },
    resolve: async (_, args, { app, operation }) => {
      checkMaxPoints(args.maxPoints, app.limits.samplesMax);
      const request = {
        formula: args.formula,
        range: rangeOf(args.range),
        asOf: await operation.asOf(args.asOf),
        isAsOfGiven: args.asOf != null,
        maxPoints: args.maxPoints ?? undefined,
      };
      const { line, thinned, revision } = await operation.compute((allowance) =>
        evaluate(app.database, app.catalogue, request, app.limits, allowance),
      );
      return { t: line.t, value: line.value, size: undefined, thinned, revision };
    },
  }),
  explain: t.field({
    type: ExplanationType,
    description:
      'Why a point has its value: formula, the input points that it was computed from, and the commits that last changed them.',
    args: {
      series: t.arg.string({ required: true, description: 'The key of its series.' }),
      t: t.arg({ type: 'Instant', required: true, description: 'Its instant.' }),
      asOf: t.arg({ type: 'Revision', description: asOfDescription }),
    },
    resolve: async (_, args, { app, operation }) => {
      const instant = requireInstant(args.t, ['t']);
      const row = await operation.requireSeries(args.series, ['series']);
      const place = await operation.place(row, args.asOf);
      return operation.compute((allowance) => explain(app.database, app.catalogue, row, instant, place, allowance));
    },
  }),
}));
