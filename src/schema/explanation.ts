import { evaluate } from '../derive/evaluate.ts';
import { type ExplainedInput, type Explanation, explain } from '../derive/explain.ts';
import type { CommitRow } from '../store/catalogue.ts';
import { builder } from './builder.ts';
import { placeDescription } from './formula-place.ts';
import { requireInstant } from './instant-argument.ts';
import { CommitType, PointType, rangeOf, SamplesType, SpanType, TimeRange } from './point.ts';
import { checkMaxPoints, SeriesType } from './series.ts';

const ExplainedInputType = builder.objectRef<ExplainedInput>('ExplainedInput').implement({
  description: 'The points of an input from which a value was computed.',
  fields: (t) => ({
    series: t.expose('series', { type: SeriesType, description: 'The input.' }),
    span: t.expose('span', {
      type: SpanType,
      description:
        'From the first of these points to the last. Other points may lie between: delta(X, 1d) uses two points, a day apart.',
    }),
    count: t.field({
      type: 'Long',
      description: 'The number of points that were used.',
      resolve: ({ count }) => count,
    }),
    points: t.field({
      type: [PointType],
      description: 'The newest points that were used, ascending; at most 100.',
      resolve: ({ points }) => [...points],
    }),
    truncated: t.exposeBoolean('truncated', { description: 'True when more points were used than are listed.' }),
    commits: t.field({
      type: [CommitType],
      description: 'The commits that last changed the listed points, newest first.',
      resolve: async ({ points }, _, { operation }) => {
        const revisions = [...new Set(points.map(({ revision }) => revision))].sort((a, b) => b - a);
        const commits = await Promise.all(revisions.map((revision) => operation.commit(revision)));
        return commits.filter((commit): commit is CommitRow => commit !== undefined);
      },
    }),
  }),
});

const ExplanationType = builder.objectRef<Explanation>('Explanation').implement({
  description: 'The reason why a point has its value.',
  fields: (t) => ({
    series: t.expose('series', { type: SeriesType, description: 'The series of the point.' }),
    formula: t.string({
      nullable: true,
      description: 'The formula; null for a source series.',
      resolve: ({ formula }) => formula ?? null,
    }),
    t: t.expose('t', { type: 'Instant', description: 'The instant of the point.' }),
    value: t.float({
      nullable: true,
      description: 'The value; null when there is no point.',
      resolve: ({ value }) => value ?? null,
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision that was read.' }),
    inputs: t.field({
      type: [ExplainedInputType],
      description:
        'The used points of each input: exactly these where an operator reads series, at most some more where operators read operators. An operator with unlimited memory uses its whole past. For lag(f, 5s) - g, where f has a point at t: the last point of f at or before t - 5s, not the one at t, and the last point of g at or before t.',
      resolve: ({ inputs }) => [...inputs],
    }),
  }),
});

const asOfDescription = 'Read what was known at this revision; the newest when left out.';

builder.queryFields((t) => ({
  evaluate: t.field({
    type: SamplesType,
    description:
      'Computes a formula without saving it. Over a range it returns exactly that slice of the formula over all time. More than maxPoints points (by default 1,000) are thinned as by samples(method: MINMAX); only the field `thinned` tells. UNAVAILABLE when a derived series of the formula has no points because its first computation is still running or has failed.',
    args: {
      formula: t.arg.string({ required: true, description: `The formula. ${placeDescription}` }),
      range: t.arg({ type: TimeRange, description: 'Only points in this range.' }),
      maxPoints: t.arg.int({
        defaultValue: 1000,
        description: 'The most points to return. The default is 1,000; null returns all.',
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
      'Explains the value of a point: the formula, the input points from which it was computed, and the commits that last changed them.',
    args: {
      series: t.arg.string({ required: true, description: 'The key of the series.' }),
      t: t.arg({ type: 'Instant', required: true, description: 'The instant of the point.' }),
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
