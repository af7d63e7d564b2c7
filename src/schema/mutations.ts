import { Fault } from '../engine/fault.ts';
import { awaitDefined } from '../feed/await-defined.ts';
import { awaitReflected } from '../feed/reflected.ts';
import { checkSeriesTexts, deletionRange, type GivenColumn, type IngestResult } from '../ingest/ingest.ts';
import type { Rejected } from '../ingest/rejected.ts';
import { builder, type Context } from './builder.ts';
import { asInstants, asNumbers, asSizes, asTicks, type TickArgument } from './columns.ts';
import { DerivedSeriesType } from './derived.ts';
import { placeDescription } from './formula-place.ts';
import { globalId } from './ids.ts';
import { requireInstant } from './instant-argument.ts';
import { SourceSeriesType } from './series.ts';

const noteDescription =
  'What is to be remembered of it; up to 1,000 characters. A write with a note has a revision of its own.';
const idempotencyDescription =
  'The same key with the same content is written once and answered the same each time; with other content it is a CONFLICT, and the same points in another order are other content. Kept for 7 days.';

const AwaitLevelType = builder.enumType('AwaitLevel', {
  description: "The time of a mutation's answer.",
  values: {
    STORED: { description: 'When the change is durable.' },
    DERIVED: {
      description:
        'For a write of ticks: when every dependent reflects it. For a definition: when its first computation is done and it is in force, or has failed. After 30 s in any case.',
    },
  } as const,
});

type InputFields = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, 'InputObject'>;

/** The arguments that all writes share. */
const writeFields = (t: InputFields) => ({
  note: t.string({ description: noteDescription }),
  idempotencyKey: t.string({ description: idempotencyDescription }),
  await: t.field({ type: AwaitLevelType, defaultValue: 'STORED', description: 'When to answer.' }),
});

/** The arguments that all writes of ticks share. */
const ingestFields = (t: InputFields) => ({
  createMissing: t.boolean({ defaultValue: false, description: 'Create missing series.' }),
  partial: t.boolean({
    defaultValue: false,
    description: 'Write the valid ticks and list the rejected ones, instead of writing nothing.',
  }),
  ...writeFields(t),
});

const CreateSeriesInput = builder.inputType('CreateSeriesInput', {
  description: 'A new source series.',
  fields: (t) => ({
    key: t.string({
      required: true,
      description: 'The unique key: up to 200 characters, without spaces, quotes or backslashes.',
    }),
    name: t.string({ description: 'A name for people.' }),
    unit: t.string({ description: 'The unit of the values.' }),
    tags: t.stringList({ description: 'Tags to search by.' }),
  }),
});

const DefineSeriesInput = builder.inputType('DefineSeriesInput', {
  description: 'A derived series.',
  fields: (t) => ({
    key: t.string({
      required: true,
      description: 'The unique key: up to 200 characters, without spaces, quotes or backslashes.',
    }),
    formula: t.string({
      required: true,
      description: `The formula: 'ema(BTC-USD, 12) - ema(BTC-USD, 26)'. \`operators\` lists the operators. ${placeDescription}`,
    }),
    name: t.string({ description: 'A name for people.' }),
    unit: t.string({ description: 'The unit of the values.' }),
    tags: t.stringList({ description: 'Tags to search by.' }),
    await: t.field({
      type: AwaitLevelType,
      defaultValue: 'STORED',
      description:
        'DERIVED: the server answers once the new definition is in force, so that the points can be read next, or after 30 s. `status` tells which.',
    }),
  }),
});

const TickInput = builder.inputType('TickInput', {
  description: 'A value at an instant.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of the series.' }),
    t: t.field({ type: 'Instant', required: true, description: 'The instant.' }),
    value: t.float({ required: true, description: 'The value, a finite number.' }),
    size: t.float({ description: 'The traded amount, not negative.' }),
  }),
});

const IngestTicksInput = builder.inputType('IngestTicksInput', {
  description: 'Ticks of any number of series for one commit.',
  fields: (t) => ({
    ticks: t.field({
      type: [TickInput],
      required: true,
      description: 'The ticks. Of two ticks at one instant the later one counts.',
    }),
    ...ingestFields(t),
  }),
});

const IngestColumnInput = builder.inputType('IngestColumnInput', {
  description: 'Ticks of one series as parallel arrays.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of the series.' }),
    t: t.field({ type: ['Instant'], required: true, description: 'The instants, in any order.' }),
    value: t.floatList({ required: true, description: 'One value per instant.' }),
    size: t.field({
      type: t.listRef('Float', { required: false }),
      description: 'One size per instant: a number that is not negative, or null.',
    }),
  }),
});

const IngestColumnsInput = builder.inputType('IngestColumnsInput', {
  description: 'Ticks of any number of series as parallel arrays, for one commit.',
  fields: (t) => ({
    columns: t.field({ type: [IngestColumnInput], required: true, description: 'One item per series.' }),
    ...ingestFields(t),
  }),
});

const DeleteTicksInput = builder.inputType('DeleteTicksInput', {
  description: 'Both bounds of a range, or a list of instants.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of the series.' }),
    from: t.field({ type: 'Instant', description: 'The first instant to delete.' }),
    to: t.field({ type: 'Instant', description: 'The first later instant to keep.' }),
    at: t.field({ type: ['Instant'], description: 'The instants to delete.' }),
    ...writeFields(t),
  }),
});

const RejectedTickType = builder.objectRef<Rejected>('RejectedTick').implement({
  description: 'A tick that was not written.',
  fields: (t) => ({
    index: t.exposeInt('index', {
      description: 'Its index in the call, from 0. Columns are numbered through in their order.',
    }),
    series: t.exposeString('series', { description: 'The key of its series.' }),
    reason: t.exposeString('reason', { description: 'The reason.' }),
  }),
});

interface WriteResult extends IngestResult {
  /**
   * The first revision at which every dependent reflects the write; undefined while there is none. It is computed once,
   * and only if the client selects it.
   */
  readonly reflected: () => Promise<number | undefined>;
}

const IngestResultType = builder.objectRef<WriteResult>('IngestResult').implement({
  description: 'The result of a write.',
  fields: (t) => ({
    accepted: t.exposeInt('accepted', { description: 'The number of points that were written or deleted.' }),
    duplicates: t.exposeInt('duplicates', {
      description: 'The number of ticks that a later tick of the same call replaced.',
    }),
    rejected: t.field({
      type: [RejectedTickType],
      description: 'With partial: the rejected ticks.',
      resolve: ({ rejected }) => [...rejected],
    }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'The revision of the write; the newest one when there was nothing to write.',
    }),
    derivedRevision: t.field({
      type: 'Revision',
      nullable: true,
      description: 'The first revision at which every dependent reflects the write; null while not settled.',
      resolve: async ({ reflected }) => (await reflected()) ?? null,
    }),
    settled: t.boolean({
      description:
        'True when every dependent reflects the write, except failed ones and ones in their first computation.',
      resolve: async ({ reflected }) => (await reflected()) !== undefined,
    }),
  }),
});

const DeletedSeriesType = builder.objectRef<{ id: number; revision: number }>('DeletedSeries').implement({
  description: 'A deleted series.',
  fields: (t) => ({
    id: t.id({ description: 'Its former id.', resolve: ({ id }) => globalId('Series', id) }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision that deleted it.' }),
  }),
});

/** Groups ticks by series, keeping their order. */
function columnsOf(ticks: TickArgument): GivenColumn[] {
  const places = new Map<string, number[]>();
  ticks.series.forEach((series, i) => {
    const known = places.get(series);
    if (known) known.push(i);
    else places.set(series, [i]);
  });
  return [...places].map(([series, indexes]) => {
    const pick = (from: Float64Array) => {
      if (indexes.length === from.length) return from;
      const picked = new Float64Array(indexes.length);
      for (let i = 0; i < indexes.length; i++) picked[i] = from[indexes[i]];
      return picked;
    };
    const bad = ticks.bad.size > 0 ? badAmong(ticks.bad, indexes) : ticks.bad;
    const column = { t: pick(ticks.t), value: pick(ticks.value), size: ticks.size && pick(ticks.size) };
    return {
      series,
      column,
      index: (at) => indexes[at],
      bad,
      pathOf: (field, at) => ['input', 'ticks', indexes[at], field],
    };
  });
}

function badAmong(all: ReadonlyMap<number, string>, indexes: readonly number[]): ReadonlyMap<number, string> {
  const bad = new Map<number, string>();
  indexes.forEach((index, at) => {
    const reason = all.get(index);
    if (reason !== undefined) bad.set(at, reason);
  });
  return bad;
}

interface GivenArrays {
  readonly series: string;
  readonly t: unknown;
  readonly value: unknown;
  readonly size?: unknown;
}

function columnsFrom(given: readonly GivenArrays[]): GivenColumn[] {
  let before = 0;
  return given.map(({ series, ...arrays }, i) => {
    const { t, bad } = asInstants(arrays.t);
    const value = asNumbers(arrays.value);
    const size = asSizes(arrays.size);
    for (const [name, column] of [
      ['value', value],
      ['size', size],
    ] as const) {
      if (column && column.length !== t.length) {
        const message = `${name} has ${column.length} items and t has ${t.length}: parallel arrays are of one length.`;
        throw new Fault('BAD_USER_INPUT', message, ['input', 'columns', i, name]);
      }
    }
    const start = before;
    before += t.length;
    return {
      series,
      column: { t, value, size },
      index: (at) => start + at,
      bad,
      pathOf: (field, at) => ['input', 'columns', i, field, ...(field === 'series' ? [] : [at])],
    };
  });
}

/** The options of an input beside its ticks, with defaults for null. */
function carried(input: {
  note?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
  createMissing?: boolean | null | undefined;
  partial?: boolean | null | undefined;
}) {
  return {
    createMissing: input.createMissing ?? false,
    partial: input.partial ?? false,
    note: input.note ?? null,
    idempotencyKey: input.idempotencyKey ?? null,
  };
}

/** A write invalidates the earlier reads of the operation. */
async function written<T>({ operation }: Context, answer: Promise<T>): Promise<T> {
  const result = await answer;
  operation.renew();
  return result;
}

/** Waits for dependents if the client requested it, and reports whether they reflect the write. */
async function reflecting(
  context: Context,
  level: 'STORED' | 'DERIVED' | null | undefined,
  keys: () => readonly string[],
  answer: Promise<IngestResult>,
): Promise<WriteResult> {
  const result = await written(context, answer);
  const { database, feed, ingest } = context.app;
  const reflect = async (patienceMillis?: number, gone?: AbortSignal) =>
    awaitReflected(database, feed, await ingest.sourceIds(keys()), result.revision, patienceMillis, gone);
  let asked: Promise<number | undefined> | undefined;
  if (level === 'DERIVED') {
    asked = reflect(undefined, context.operation.gone);
    await asked;
    context.operation.renew();
  }
  return {
    ...result,
    reflected: () => {
      asked ??= reflect(0);
      return asked;
    },
  };
}

builder.mutationFields((t) => ({
  defineSeries: t.field({
    type: DerivedSeriesType,
    description:
      'Creates a derived series, or redefines one: the old formula stays in force until the new one has been computed. Then the series and its dependents switch in one revision. CONFLICT for the key of a source series.',
    args: { input: t.arg({ type: DefineSeriesInput, required: true, description: 'The definition.' }) },
    resolve: async (_, { input: { await: level, ...input } }, context) => {
      const definition = { ...input, tags: input.tags ?? undefined };
      checkSeriesTexts(definition);
      const series = await written(context, context.app.definer.define(definition));
      if (level !== 'DERIVED') return series;
      const { database, feed } = context.app;
      await awaitDefined(database, feed, series, { gone: context.operation.gone });
      context.operation.renew();
      return series;
    },
  }),
  createSeries: t.field({
    type: SourceSeriesType,
    description:
      'Creates a source series, or returns an existing one unchanged. CONFLICT for the key of a derived series.',
    args: { input: t.arg({ type: CreateSeriesInput, required: true, description: 'The series.' }) },
    resolve: (_, { input }, context) =>
      written(context, context.app.ingest.createSeries({ ...input, tags: input.tags ?? [] })),
  }),
  deleteSeries: t.field({
    type: DeletedSeriesType,
    description:
      'Deletes a series with all its points and history, and frees its key. CONFLICT while other series are derived from it; extensions.dependents names them.',
    args: { key: t.arg.string({ required: true, description: 'The key.' }) },
    resolve: (_, { key }, context) => written(context, context.app.ingest.deleteSeries(key)),
  }),
  ingestTicks: t.field({
    type: IngestResultType,
    description: 'Inserts or corrects ticks of any number of series in one commit.',
    args: { input: t.arg({ type: IngestTicksInput, required: true, description: 'The ticks.' }) },
    resolve: (_, { input }, context) => {
      const columns = columnsOf(asTicks(input.ticks));
      const keys = () => columns.map(({ series }) => series);
      return reflecting(context, input.await, keys, context.app.ingest.ingest({ columns, ...carried(input) }));
    },
  }),
  ingestColumns: t.field({
    type: IngestResultType,
    description: 'Inserts or corrects ticks given as parallel arrays, which is the fast way.',
    args: { input: t.arg({ type: IngestColumnsInput, required: true, description: 'The columns.' }) },
    resolve: async (_, { input }, context) => {
      const columns = columnsFrom(input.columns);
      const keys = () => columns.map(({ series }) => series);
      return reflecting(context, input.await, keys, context.app.ingest.ingest({ columns, ...carried(input) }));
    },
  }),
  deleteTicks: t.field({
    type: IngestResultType,
    description: 'Deletes the points of a range, with both bounds, or at a list of instants.',
    args: { input: t.arg({ type: DeleteTicksInput, required: true, description: 'The points to delete.' }) },
    resolve: async (_, { input }, context) => {
      const bound = (name: 'from' | 'to') => {
        const given = input[name];
        return given == null ? null : requireInstant(given, ['input', name]);
      };
      const range = deletionRange(bound('from'), bound('to'));
      const at = input.at && Float64Array.from(input.at, (given, i) => requireInstant(given, ['input', 'at', i]));
      const { note, idempotencyKey } = carried(input);
      const request = { series: input.series, range, at: at ?? undefined, note, idempotencyKey };
      return reflecting(context, input.await, () => [input.series], context.app.ingest.deleteTicks(request));
    },
  }),
}));
