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
  description: 'What an operator is given.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name, as in ema(x, halflife: 20).' }),
    type: t.exposeString('type', {
      description:
        'What stands for it: series (a formula), ticks (the key of a source series), window (60s or 20p), duration, count, number or word.',
    }),
    meaning: t.exposeString('meaning', { description: 'What it does.' }),
    optional: t.boolean({ description: 'Whether it can be left out.', resolve: ({ optional }) => optional ?? false }),
    repeats: t.boolean({
      description: 'Whether it can be given again and again.',
      resolve: ({ repeats }) => repeats ?? false,
    }),
    default: t.string({
      nullable: true,
      description: 'What is taken when it is left out.',
      resolve: (parameter) => (parameter.fallback === undefined ? null : written(parameter.fallback, parameter)),
    }),
    words: t.field({
      type: ['String'],
      nullable: true,
      description: 'The words that it can be.',
      resolve: ({ words }) => (words ? [...words] : null),
    }),
    min: t.float({
      nullable: true,
      description: 'The least that it can be. Of a window: in points; a window of time is longer than 0.',
      resolve: ({ min }) => min ?? null,
    }),
    max: t.float({ nullable: true, description: 'The most that it can be.', resolve: ({ max }) => max ?? null }),
    aboveMin: t.boolean({
      description: 'Whether it must be more than min.',
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
      description: 'The size at each instant, where the example has sizes.',
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
      description: 'What the series that it names hold.',
      resolve: ({ inputs }) => Object.entries(inputs).map(([series, points]) => ({ series, points })),
    }),
    output: t.field({
      type: ExampleLineType,
      description: 'What it gives.',
      resolve: ({ output }) => ({ series: null, points: output }),
    }),
  }),
});

const OperatorType = builder.objectRef<Operator>('Operator').implement({
  description: 'A word of the formula language.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'How it is written.' }),
    group: t.exposeString('group', {
      description: 'What it is like: arithmetic, window, pair, recursive, shift, bucket or join.',
    }),
    signature: t.string({ description: 'How it is used: ema(x, [span], [halflife], [alpha]).', resolve: signatureOf }),
    meaning: t.exposeString('meaning', { description: 'What it gives.' }),
    parameters: t.field({
      type: [OperatorParameterType],
      description: 'What it is given, in the order in which names can be left out.',
      resolve: ({ parameters }) => [...parameters],
    }),
    warmUp: t.exposeString('warmUp', {
      description: 'How it starts: its seed, and what a window that is not full gives.',
    }),
    missing: t.exposeString('missing', { description: 'Where it gives no point.' }),
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
    description: 'Everything that formulas are made of: parameters, meaning, seed and warm-up, examples.',
    resolve: () => [...operators],
  }),
);
