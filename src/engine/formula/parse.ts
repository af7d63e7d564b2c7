import type { Operator } from '../operator.ts';
import { checkSyntax } from './check.ts';
import type { Expression } from './expression.ts';
import { readSyntax } from './grammar.ts';

/**
 * Parses a formula and checks it against the catalogue of operators, but not against the existing series. Errors are
 * Faults with a position, made by `formulaFault`.
 */
export function parseFormula(text: string, operators: ReadonlyMap<string, Operator>): Expression {
  return checkSyntax(readSyntax(text), text, operators);
}
