import { formatDuration } from '../duration.ts';
import type { Argument, Parameter } from '../operator.ts';
import type { Expression } from './expression.ts';
import { keyText } from './key.ts';
import { infixes, level, operandLevels } from './precedence.ts';

type Call = Extract<Expression, { kind: 'call' }>;

/** The canonical text of a formula. Parsing it gives the same expression, except for positions. */
export function formatExpression(expression: Expression): string {
  return written(expression).text;
}

interface Written {
  readonly text: string;
  readonly level: number;
}

function written(expression: Expression): Written {
  switch (expression.kind) {
    case 'number':
      return { text: String(expression.value), level: expression.value < 0 ? level.minus : level.atom };
    case 'series':
    case 'size':
      return { text: keyText(expression.key), level: level.atom };
    case 'call':
      return writtenCall(expression);
  }
}

/** Adds parentheses if the expression binds less tightly than its place requires. */
function within(expression: Expression, least: number): string {
  const inner = written(expression);
  return inner.level < least ? `(${inner.text})` : inner.text;
}

function writtenCall(call: Call): Written {
  const { operator, inputs } = call;
  const { name } = operator;
  if (name === 'not') return { text: `not ${within(inputs[0], level.not)}`, level: level.not };
  const infix = infixes.get(name);
  if (infix === undefined) return { text: `${name}(${writtenArguments(call).join(', ')})`, level: level.atom };
  if (isNegation(call)) return { text: `-${within(inputs[1], level.minus)}`, level: level.minus };
  const { left, right } = operandLevels(infix);
  return { text: `${within(inputs[0], left)} ${name} ${within(inputs[1], right)}`, level: infix.level };
}

/** A minus sign before a number would make the number negative. */
function isNegation({ operator, inputs: [left, right] }: Call): boolean {
  return operator.name === '-' && left.kind === 'number' && left.value === 0 && right.kind !== 'number';
}

function writtenArguments({ operator, inputs, given }: Call): string[] {
  const { parameters, takes } = operator;
  const inputParameters = parameters.filter(({ type }) => type === 'series' || type === 'ticks');
  const texts: string[] = [];
  let next = 0;
  let named = false;
  const add = (parameter: Parameter, values: readonly string[]) => {
    texts.push(...values.map((value) => (named ? `${parameter.name}: ${value}` : value)));
    // A repeatable parameter takes all following unnamed arguments.
    if (values.length === 0 || parameter.repeats) named = true;
  };
  for (const parameter of parameters) {
    if (parameter.type === 'series') {
      const count = parameter.repeats ? inputs.length - next - widthBehind(inputParameters, parameter) : 1;
      add(parameter, inputs.slice(next, next + count).map(formatExpression));
      next += count;
    } else if (parameter.type === 'ticks') {
      add(parameter, inputs.slice(next, next + 1).map(formatExpression));
      next += takes === 'size' ? 1 : 2;
    } else {
      const value = given[parameter.name];
      const left = value === undefined || (parameter.optional && sameArgument(value, parameter.fallback));
      add(parameter, left ? [] : [writtenArgument(value, parameter)]);
    }
  }
  return texts;
}

/** The number of inputs that follow those of a repeatable parameter. */
function widthBehind(parameters: readonly Parameter[], repeating: Parameter): number {
  return parameters.slice(parameters.indexOf(repeating) + 1).length * 2;
}

function writtenArgument(value: Argument, { type }: Parameter): string {
  if (typeof value === 'object') return 'points' in value ? `${value.points}p` : formatDuration(value.micros);
  return type === 'duration' ? formatDuration(value as number) : String(value);
}

function sameArgument(a: Argument, b: Argument | undefined): boolean {
  return Object.is(a, b) || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}
