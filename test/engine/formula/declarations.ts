import type { Expression } from '../../../src/engine/formula/expression.ts';
import type { Operator, Parameter, RowOperator } from '../../../src/engine/operator.ts';
import { ema } from '../../../src/engine/operators/ema.ts';

/** An operator that is only declared: formulas are read without being computed. */
function declared(name: string, parameters: readonly Parameter[], more: Partial<RowOperator> = {}): Operator {
  return {
    kind: 'row',
    name,
    group: 'arithmetic',
    meaning: '',
    parameters,
    warmUp: '',
    missing: '',
    examples: [],
    memory: () => ({ kind: 'rows', rows: 0 }),
    open: () => {
      throw new Error('not to be run');
    },
    ...more,
  };
}

function parameter(name: string, type: Parameter['type'], more: Partial<Parameter> = {}): Parameter {
  return { name, type, meaning: '', ...more };
}

const x = parameter('x', 'series');
const y = parameter('y', 'series');
const window = parameter('window', 'window');

const infixes = ['+', '-', '*', '/', '^', '<', '<=', '>', '>=', '==', '!=', 'and', 'or'];

const all: readonly Operator[] = [
  ...infixes.map((name) => declared(name, [parameter('a', 'series'), parameter('b', 'series')])),
  declared('not', [parameter('a', 'series')]),
  ema,
  declared('mean', [x, window]),
  declared('stddev', [x, parameter('window', 'window', { min: 2 })]),
  declared('max', [x, window]),
  declared('min', [x, window]),
  declared('log', [x]),
  declared('greatest', [parameter('x', 'series', { repeats: true })]),
  declared('least', [parameter('x', 'series', { repeats: true })]),
  declared('weighted', [
    parameter('base', 'series'),
    parameter('x', 'series', { repeats: true }),
    parameter('by', 'number', { optional: true, fallback: 1 }),
  ]),
  declared('corr', [x, y, window]),
  declared('if', [
    parameter('condition', 'series'),
    parameter('then', 'series'),
    parameter('else', 'series', { optional: true }),
  ]),
  declared('lag', [x, parameter('by', 'duration')]),
  declared('lagPoints', [x, parameter('points', 'count', { min: 1, max: 1000 })]),
  declared('shift', [x, parameter('amount', 'number')]),
  declared('vwap', [parameter('x', 'ticks'), window]),
  declared('size', [parameter('x', 'ticks')], { takes: 'size' } as Partial<RowOperator>),
  declared('candle', [
    x,
    parameter('width', 'duration', { optional: true, fallback: 60e6 }),
    parameter('what', 'word', { words: ['open', 'high', 'low', 'close'], optional: true, fallback: 'close' }),
    parameter('span', 'window', { optional: true, fallback: { points: 1 } }),
  ]),
];

export const operators: ReadonlyMap<string, Operator> = new Map(all.map((each) => [each.name, each]));

/** A formula as nested lists, to be read at a glance: ['+', 'A', 1]. Arguments that are no series stand in an object. */
export type Sketch = number | string | readonly unknown[];

export function sketch(expression: Expression): Sketch {
  if (expression.kind === 'number') return expression.value;
  if (expression.kind === 'series') return expression.key;
  if (expression.kind === 'size') return `size of ${expression.key}`;
  const { operator, inputs, given } = expression;
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return [operator.name, ...inputs.map(sketch), ...(Object.keys(set).length > 0 ? [set] : [])];
}
