import { isListType } from 'graphql';
import { Fault } from '../engine/fault.ts';
import { formatInstant } from '../engine/instant.ts';
import { everything, type Range } from '../engine/ranges.ts';
import type { Samples } from '../query/samples.ts';
import type { CommitRow } from '../store/catalogue.ts';
import type { PointRow } from '../store/last-points.ts';
import { builder } from './builder.ts';
import { type InstantArgument, requireInstant } from './instant-argument.ts';

export const TimeRange = builder.inputType('TimeRange', {
  description: 'A span of time. Either bound may be open. A span whose bounds are equal is empty.',
  fields: (t) => ({
    from: t.field({ type: 'Instant', description: 'The start, inclusive.' }),
    to: t.field({ type: 'Instant', description: 'The end, exclusive.' }),
  }),
});

export function rangeOf(
  given: { from?: InstantArgument | null | undefined; to?: InstantArgument | null | undefined } | null | undefined,
): Range {
  const from = given?.from == null ? everything.from : requireInstant(given.from, ['range', 'from']);
  const to = given?.to == null ? everything.to : requireInstant(given.to, ['range', 'to']);
  if (from > to)
    throw new Fault(
      'BAD_USER_INPUT',
      `A range ends at or behind its start: from ${formatInstant(from)} to ${formatInstant(to)} is the wrong way round.`,
      ['range'],
    );
  return { from, to };
}

export const SpanType = builder.objectRef<Range>('Span').implement({
  description: 'The span of a change: from inclusive, to exclusive; null is open.',
  fields: (t) => ({
    from: t.field({
      type: 'Millis',
      nullable: true,
      description: 'The start.',
      resolve: ({ from }) => (from === everything.from ? null : from),
    }),
    to: t.field({
      type: 'Millis',
      nullable: true,
      description: 'The end, exclusive.',
      resolve: ({ to }) => (to === everything.to ? null : to),
    }),
  }),
});

export const PointType = builder.objectRef<PointRow>('Point').implement({
  description: 'The value of a series at one instant.',
  fields: (t) => ({
    t: t.expose('t', { type: 'Instant', description: 'The instant, as text. Samples and candles have numbers.' }),
    value: t.exposeFloat('value', { description: 'The price, rate or other value.' }),
    size: t.field({
      type: 'Float',
      nullable: true,
      description: 'The traded amount, if the tick had one.',
      resolve: (p) => p.size ?? null,
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision that last wrote it.' }),
  }),
});

export const CommitType = builder.objectRef<CommitRow>('Commit').implement({
  description: 'A step of the global order: everything that one transaction wrote.',
  fields: (t) => ({
    revision: t.expose('revision', { type: 'Revision', description: 'The revision.' }),
    at: t.expose('at', {
      type: 'Instant',
      description: 'The time of the commit by the clock of the database; never before the previous commit.',
    }),
    note: t.exposeString('note', { nullable: true, description: 'The note of the client.' }),
  }),
});

export interface PointVersion {
  readonly value: number | null;
  readonly size: number | null;
  readonly revision: number;
}

export const PointVersionType = builder.objectRef<PointVersion>('PointVersion').implement({
  description: 'One of the values that an instant has had.',
  fields: (t) => ({
    value: t.exposeFloat('value', { nullable: true, description: 'The value; null when the point was deleted.' }),
    size: t.exposeFloat('size', { nullable: true, description: 'The size.' }),
    commit: t.field({
      type: CommitType,
      description: 'The commit that wrote it.',
      resolve: async ({ revision }, _, { operation }) =>
        (await operation.commit(revision)) ?? { revision, at: 0, note: null, import: null },
    }),
  }),
});

export const SampleMethodType = builder.enumType('SampleMethod', {
  description: 'The points that represent a bucket.',
  values: {
    MINMAX: {
      description: 'The lowest and the highest point, at their own instants, so that a chart keeps its spikes.',
    },
    LAST: { description: 'The last point, at its own instant.' },
    MEAN: { description: 'The mean of the values, at the start of the bucket, from an exact sum.' },
  } as const,
});

export interface SamplesRow extends Samples {
  readonly revision: number;
}

export const SamplesType = builder.objectRef<SamplesRow>('Samples').implement({
  description: 'Points as parallel arrays, the form that chart libraries take.',
  fields: (t) => ({
    t: t.field({
      type: ['Millis'],
      description: 'Instants, ascending, as numbers: milliseconds since 1970.',
      resolve: ({ t: instants }) => instants as unknown as number[],
    }),
    value: t.field({
      type: ['Float'],
      description: 'The value at each instant.',
      resolve: ({ value }) => value as unknown as number[],
    }),
    size: t.field({
      type: t.listRef('Float', { nullable: true }),
      nullable: true,
      description:
        'The size at each instant, or null; the whole list is null when no point has a size, and after thinning.',
      resolve: ({ size }, _, __, { returnType }) => {
        if (!size || size.every(Number.isNaN)) return null;
        // As a list of items, unless the executed schema takes the whole column.
        const given = isListType(returnType) ? Array.from(size, (item) => (Number.isNaN(item) ? null : item)) : size;
        return given as unknown as number[];
      },
    }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'The revision that was read, which fits changes(after:).',
    }),
    thinned: t.exposeBoolean('thinned', {
      description: 'True when maxPoints or bucket thinned these points. maxPoints: null without a bucket returns all.',
    }),
  }),
});
