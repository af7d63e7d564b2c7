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
  description: 'When a mutation is answered.',
  values: {
    STORED: { description: 'When its change is durable.' },
    DERIVED: {
      description:
        'A write of ticks: when every dependent reflects it. A definition: when its first computation is done and it answers, or has failed. After 30 s in any case.',
    },
  } as const,
});

type InputFields = PothosSchemaTypes.InputFieldBuilder<typeof builder.$inferSchemaTypes, 'InputObject'>;

/** The arguments that all writes share. */
const writeFields = (t: InputFields) => ({
  note: t.string({ description: noteDescription }),
  idempotencyKey: t.string({ description: idempotencyDescription }),
  await: t.field({ type: AwaitLevelType, defaultValue: 'STORED', description: 'What to wait for.' }),
});

/** The arguments that all writes of ticks share. */
const ingestFields = (t: InputFields) => ({
  createMissing: t.boolean({ defaultValue: false, description: 'Create series that do not exist.' }),
  partial: t.boolean({
    defaultValue: false,
    description: 'Write what is good and list the rest, rather than nothing.',
  }),
  ...writeFields(t),
});

const CreateSeriesInput = builder.inputType('CreateSeriesInput', {
  description: 'A new source series.',
  fields: (t) => ({
    key: t.string({
      required: true,
      description: 'Its unique name: up to 200 characters, no spaces, quotes or backslashes.',
    }),
    name: t.string({ description: 'What people call it.' }),
    unit: t.string({ description: 'What its values are measured in.' }),
    tags: t.stringList({ description: 'Words to find it by.' }),
  }),
});

const DefineSeriesInput = builder.inputType('DefineSeriesInput', {
  description: 'A derived series.',
  fields: (t) => ({
    key: t.string({
      required: true,
      description: 'Its unique name: up to 200 characters, no spaces, quotes or backslashes.',
    }),
    formula: t.string({
      required: true,
      description: `What it holds: 'ema(BTC-USD, 12) - ema(BTC-USD, 26)'. \`operators\` lists what there is. ${placeDescription}`,
    }),
    name: t.string({ description: 'What people call it.' }),
    unit: t.string({ description: 'What its values are measured in.' }),
    tags: t.stringList({ description: 'Words to find it by.' }),
    await: t.field({
      type: AwaitLevelType,
      defaultValue: 'STORED',
      description:
        'DERIVED: the mutation is answered once the new definition answers, so that the points can be read next; or after 30 s. `status` says which.',
    }),
  }),
});

const TickInput = builder.inputType('TickInput', {
  description: 'A value at an instant.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of its series.' }),
    t: t.field({ type: 'Instant', required: true, description: 'Its instant.' }),
    value: t.float({ required: true, description: 'Its value; finite.' }),
    size: t.float({ description: 'How much was traded; not negative.' }),
  }),
});

const IngestTicksInput = builder.inputType('IngestTicksInput', {
  description: 'Ticks of any number of series, to be written in one commit.',
  fields: (t) => ({
    ticks: t.field({
      type: [TickInput],
      required: true,
      description: 'The ticks; of two for one instant the later one counts.',
    }),
    ...ingestFields(t),
  }),
});

const IngestColumnInput = builder.inputType('IngestColumnInput', {
  description: 'Ticks of one series as parallel arrays.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of the series.' }),
    t: t.field({ type: ['Instant'], required: true, description: 'The instants, in any order.' }),
    value: t.floatList({ required: true, description: 'A value for each instant.' }),
    size: t.field({
      type: t.listRef('Float', { required: false }),
      description: 'A size, which is not negative, or null, for each instant.',
    }),
  }),
});

const IngestColumnsInput = builder.inputType('IngestColumnsInput', {
  description: 'Ticks of any number of series as parallel arrays, to be written in one commit.',
  fields: (t) => ({
    columns: t.field({ type: [IngestColumnInput], required: true, description: 'One item a series.' }),
    ...ingestFields(t),
  }),
});

const DeleteTicksInput = builder.inputType('DeleteTicksInput', {
  description: 'Both bounds of a range, or a list of instants.',
  fields: (t) => ({
    series: t.string({ required: true, description: 'The key of the series.' }),
    from: t.field({ type: 'Instant', description: 'The first instant that is deleted.' }),
    to: t.field({ type: 'Instant', description: 'The first instant behind it that is not.' }),
    at: t.field({ type: ['Instant'], description: 'These instants.' }),
    ...writeFields(t),
  }),
});

const RejectedTickType = builder.objectRef<Rejected>('RejectedTick').implement({
  description: 'A tick that was not written.',
  fields: (t) => ({
    index: t.exposeInt('index', {
      description: 'Its place in the call, from 0; columns are counted through in their order.',
    }),
    series: t.exposeString('series', { description: 'The key it was meant for.' }),
    reason: t.exposeString('reason', { description: 'Why not.' }),
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
  description: 'What became of a write.',
  fields: (t) => ({
    accepted: t.exposeInt('accepted', { description: 'How many points were written, or deleted.' }),
    duplicates: t.exposeInt('duplicates', { description: 'Ticks overwritten by a later one of the same call.' }),
    rejected: t.field({
      type: [RejectedTickType],
      description: 'With partial: the ticks that were not written.',
      resolve: ({ rejected }) => [...rejected],
    }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'The revision of the write; the newest when there was nothing to write.',
    }),
    derivedRevision: t.field({
      type: 'Revision',
      nullable: true,
      description: 'The first revision at which every dependent reflects it; null while not settled.',
      resolve: async ({ reflected }) => (await reflected()) ?? null,
    }),
    settled: t.boolean({
      description:
        'Whether every dependent reflects it. Those that cannot be computed, and those that are computed for the first time, stand aside.',
      resolve: async ({ reflected }) => (await reflected()) !== undefined,
    }),
  }),
});

const DeletedSeriesType = builder.objectRef<{ id: number; revision: number }>('DeletedSeries').implement({
  description: 'A series that is gone.',
  fields: (t) => ({
    id: t.id({ description: 'The id that it had.', resolve: ({ id }) => globalId('Series', id) }),
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
      'Creates a derived series, or gives one another formula: the old one answers until the new one has been computed, and then it switches in one revision, together with what is derived from it. CONFLICT for the key of a source series.',
    args: { input: t.arg({ type: DefineSeriesInput, required: true, description: 'What to define.' }) },
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
      'Creates a source series; one that exists is returned as it is. CONFLICT for the key of a derived series.',
    args: { input: t.arg({ type: CreateSeriesInput, required: true, description: 'What to create.' }) },
    resolve: (_, { input }, context) =>
      written(context, context.app.ingest.createSeries({ ...input, tags: input.tags ?? [] })),
  }),
  deleteSeries: t.field({
    type: DeletedSeriesType,
    description:
      'Deletes a series with all its points and their history; its key is free again. CONFLICT while others are derived from it, named in extensions.dependents.',
    args: { key: t.arg.string({ required: true, description: 'Its key.' }) },
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
    description: 'The same as parallel arrays: the fast way.',
    args: { input: t.arg({ type: IngestColumnsInput, required: true, description: 'The columns.' }) },
    resolve: async (_, { input }, context) => {
      const columns = columnsFrom(input.columns);
      const keys = () => columns.map(({ series }) => series);
      return reflecting(context, input.await, keys, context.app.ingest.ingest({ columns, ...carried(input) }));
    },
  }),
  deleteTicks: t.field({
    type: IngestResultType,
    description: 'Deletes the points of a range, both of whose bounds must be given, or at a list of instants.',
    args: { input: t.arg({ type: DeleteTicksInput, required: true, description: 'What to delete.' }) },
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
