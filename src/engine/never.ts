import { constantOf } from './constant.ts';
import type { Expression } from './formula/expression.ts';
import { formulaFault } from './formula/fault.ts';

/** Refuses what is certain to have no value, whatever the data: what is made of it would be empty for ever. */
export function refuseNever(expression: Expression): void {
  knownOf(expression);
}

/** The value of what is made of numbers alone. */
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

/** Of where an operator gives no point, what concerns numbers: those are always known. */
function reasons(missing: string): string {
  const [sentence] = missing.split(/\.(?= |$)/);
  const parts = sentence.split('; ').filter((each) => !each.includes('not known yet'));
  return parts.join('; ').replace(/^W/, 'w');
}
