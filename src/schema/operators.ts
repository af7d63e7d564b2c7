import { formatDuration } from '../engine/duration.ts';
import { signatureOf } from '../engine/formula/signature.ts';
import type { Argument, Example, Operator, Parameter } from '../engine/operator.ts';
import { operators } from '../engine/operators/registry.ts';
import { builder } from './builder.ts';

function written(argument: Argument, { type }: Parameter): string {
  if (typeof argument === 'object')
    return 'points' in argument ? `${argument.points}p` : formatDuration(argument.micros);
  return type === 'duration' ? formatDuration(argument as number) : String(argument);
}

const OperatorParameterType = builder.objectRef<Parameter>('OperatorParameter').implement({
  description: 'A parameter of an operator.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name, as in ema(x, halflife: 20).' }),
    type: t.exposeString('type', {
      description:
        'The type of its argument: series (a formula), ticks (the key of a source series), window (60s or 20p), duration, count, number or word.',
    }),
    meaning: t.exposeString('meaning', { description: 'The effect.' }),
    optional: t.boolean({
      description: 'True when the argument is optional.',
      resolve: ({ optional }) => optional ?? false,
    }),
    repeats: t.boolean({
      description: 'True when a call can give several arguments for it.',
      resolve: ({ repeats }) => repeats ?? false,
    }),
    default: t.string({
      nullable: true,
      description: 'The value of a missing argument.',
      resolve: (parameter) => (parameter.fallback === undefined ? null : written(parameter.fallback, parameter)),
    }),
    words: t.field({
      type: ['String'],
      nullable: true,
      description: 'The valid words.',
      resolve: ({ words }) => (words ? [...words] : null),
    }),
    min: t.float({
      nullable: true,
      description: 'The least value. Of a window: in points; a window of time must be longer than 0.',
      resolve: ({ min }) => min ?? null,
    }),
    max: t.float({ nullable: true, description: 'The greatest value.', resolve: ({ max }) => max ?? null }),
    aboveMin: t.boolean({
      description: 'True when the value must exceed min.',
      resolve: ({ aboveMin }) => aboveMin ?? false,
    }),
  }),
});

interface ExampleLine {
  readonly series: string | null;
  readonly points: readonly (readonly [t: number, value: number, size?: number])[];
}

const ExampleLineType = builder.objectRef<ExampleLine>('ExampleLine').implement({
  description: 'The points of an example.',
  fields: (t) => ({
    series: t.exposeString('series', { nullable: true, description: 'The key of an input.' }),
    t: t.field({
      type: ['Float'],
      description: 'Instants, in seconds.',
      resolve: ({ points }) => points.map(([s]) => s),
    }),
    value: t.field({
      type: ['Float'],
      description: 'The value at each instant.',
      resolve: ({ points }) => points.map(([, value]) => value),
    }),
    size: t.field({
      type: t.listRef('Float', { nullable: true }),
      nullable: true,
      description: 'The size at each instant, if the example has sizes.',
      resolve: ({ points }) =>
        points.some(([, , size]) => size !== undefined) ? points.map(([, , size]) => size ?? null) : null,
    }),
  }),
});

const OperatorExampleType = builder.objectRef<Example>('OperatorExample').implement({
  description: 'A worked example.',
  fields: (t) => ({
    formula: t.exposeString('formula', { description: 'The formula.' }),
    inputs: t.field({
      type: [ExampleLineType],
      description: 'The points of the series in the formula.',
      resolve: ({ inputs }) => Object.entries(inputs).map(([series, points]) => ({ series, points })),
    }),
    output: t.field({
      type: ExampleLineType,
      description: 'The result.',
      resolve: ({ output }) => ({ series: null, points: output }),
    }),
  }),
});

const OperatorType = builder.objectRef<Operator>('Operator').implement({
  description: 'An operator of the formula language.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name in formulas.' }),
    group: t.exposeString('group', {
      description: 'The group: arithmetic, window, pair, recursive, shift, bucket or join.',
    }),
    signature: t.string({ description: 'The signature: ema(x, [span], [halflife], [alpha]).', resolve: signatureOf }),
    meaning: t.exposeString('meaning', { description: 'The meaning.' }),
    parameters: t.field({
      type: [OperatorParameterType],
      description: 'The parameters, in the order of positional arguments.',
      resolve: ({ parameters }) => [...parameters],
    }),
    warmUp: t.exposeString('warmUp', {
      description: 'The start: its seed, and the value of a window that is not full.',
    }),
    missing: t.exposeString('missing', { description: 'The conditions under which it gives no point.' }),
    examples: t.field({
      type: [OperatorExampleType],
      description: 'Worked examples.',
      resolve: ({ examples }) => [...examples],
    }),
  }),
});

builder.queryField('operators', (t) =>
  t.field({
    type: [OperatorType],
    description: 'All operators with their parameters, meaning, seed and warm-up, and examples.',
    resolve: () => [...operators],
  }),
);
