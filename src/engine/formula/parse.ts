import type { Operator } from '../operator.ts';
import { checkSyntax } from './check.ts';
import type { Expression } from './expression.ts';
import { readSyntax } from './grammar.ts';

/**
 * Reads a formula and checks it against the operators that there are; which series exist plays no part. What is wrong
 * with it is thrown as a Fault with its place, as `formulaFault` makes it.
 */
export function parseFormula(text: string, operators: ReadonlyMap<string, Operator>): Expression {
  return checkSyntax(readSyntax(text), text, operators);
}
