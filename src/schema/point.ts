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
  description: 'A span of time; either end may be left open. One that ends where it starts is empty.',
  fields: (t) => ({
    from: t.field({ type: 'Instant', description: 'Where it starts; belongs to it.' }),
    to: t.field({ type: 'Instant', description: 'Where it ends; does not belong to it.' }),
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
  description: 'What a change touched: from inclusive, to exclusive; null is open.',
  fields: (t) => ({
    from: t.field({
      type: 'Millis',
      nullable: true,
      description: 'Where it starts.',
      resolve: ({ from }) => (from === everything.from ? null : from),
    }),
    to: t.field({
      type: 'Millis',
      nullable: true,
      description: 'Where it ends; the end does not belong to it.',
      resolve: ({ to }) => (to === everything.to ? null : to),
    }),
  }),
});

export const PointType = builder.objectRef<PointRow>('Point').implement({
  description: 'What a series holds at one instant.',
  fields: (t) => ({
    t: t.expose('t', { type: 'Instant', description: 'Its instant, as text; Samples and candles have numbers.' }),
    value: t.exposeFloat('value', { description: 'The price, rate or whatever the series holds.' }),
    size: t.field({
      type: 'Float',
      nullable: true,
      description: 'How much was traded, where that was given.',
      resolve: (p) => p.size ?? null,
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The revision that last said so.' }),
  }),
});

export const CommitType = builder.objectRef<CommitRow>('Commit').implement({
  description: 'A step of the global order: what was written at once.',
  fields: (t) => ({
    revision: t.expose('revision', { type: 'Revision', description: 'Its number.' }),
    at: t.expose('at', {
      type: 'Instant',
      description: 'When it was committed, by the clock of the database; never before the one before it.',
    }),
    note: t.exposeString('note', { nullable: true, description: 'What its writer had to say.' }),
  }),
});

export interface PointVersion {
  readonly value: number | null;
  readonly size: number | null;
  readonly revision: number;
}

export const PointVersionType = builder.objectRef<PointVersion>('PointVersion').implement({
  description: 'One of the things that an instant has been.',
  fields: (t) => ({
    value: t.exposeFloat('value', { nullable: true, description: 'What it was; null: it was deleted.' }),
    size: t.exposeFloat('size', { nullable: true, description: 'The size that came with it.' }),
    commit: t.field({
      type: CommitType,
      description: 'The commit that said so.',
      resolve: async ({ revision }, _, { operation }) =>
        (await operation.commit(revision)) ?? { revision, at: 0, note: null, import: null },
    }),
  }),
});

export const SampleMethodType = builder.enumType('SampleMethod', {
  description: 'What stands for the points of a bucket.',
  values: {
    MINMAX: { description: 'The lowest and the highest point, at their own instants: a chart keeps its spikes.' },
    LAST: { description: 'The last point, at its own instant.' },
    MEAN: { description: 'The mean of the values, at the start of the bucket; the sum behind it is exact.' },
  } as const,
});

export interface SamplesRow extends Samples {
  readonly revision: number;
}

export const SamplesType = builder.objectRef<SamplesRow>('Samples').implement({
  description: 'Points as parallel arrays, the shape that chart libraries take.',
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
      description: 'The size at each instant, where it has one; null when none has, and after thinning.',
      resolve: ({ size }, _, __, { returnType }) => {
        if (!size || size.every(Number.isNaN)) return null;
        // As a list of items, unless the executed schema takes the whole column.
        const given = isListType(returnType) ? Array.from(size, (item) => (Number.isNaN(item) ? null : item)) : size;
        return given as unknown as number[];
      },
    }),
    revision: t.expose('revision', {
      type: 'Revision',
      description: 'The revision that was read; fits changes(after:).',
    }),
    thinned: t.exposeBoolean('thinned', {
      description:
        'Whether maxPoints or bucket thinned these points. maxPoints: null without a bucket gives all of them.',
    }),
  }),
});
