import { constantOf } from './constant.ts';
import type { Expression } from './formula/expression.ts';
import { formulaFault } from './formula/fault.ts';

/** Refuses a formula that can never have a value, whatever the data. Its series would stay empty. */
export function rejectValueless(expression: Expression): void {
  knownOf(expression);
}

/** The value of an expression that consists of constants only. */
function knownOf(expression: Expression): number | undefined {
  if (expression.kind === 'number') return expression.value;
  if (expression.kind !== 'call') return undefined;
  const { operator, inputs, given, place } = expression;
  const known = inputs.map(knownOf);
  const problem = 'this part never has a value';
  if (operator.name === '/' && known[1] === 0)
    throw formulaFault(place, `${problem}: division by zero`, ['a divisor other than 0']);
  if (operator.kind !== 'row' || !known.every((each) => each !== undefined)) return undefined;
  const value = constantOf(operator, given, known);
  if (!Number.isNaN(value)) return value;
  throw formulaFault(place, `${problem}: ${operator.name} gives none ${reasons(operator.missing)}`, [
    'a series',
    'a number',
  ]);
}

/** The part of an operator's missing rule that concerns constants, which are always known. */
function reasons(missing: string): string {
  const [sentence] = missing.split(/\.(?= |$)/);
  const parts = sentence.split('; ').filter((each) => !each.includes('not known yet'));
  return parts.join('; ').replace(/^W/, 'w');
}
