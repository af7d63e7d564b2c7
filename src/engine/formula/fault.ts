import { Fault, type FaultCode } from '../fault.ts';
import type { SourceLocation } from './expression.ts';

/**
 * An error in a formula and its position. `message` is one sentence that follows the position. `expected` lists what is
 * valid there, in words, and is never empty. Each of `suggestions` can replace the text at the position.
 */
export function formulaFault(
  place: SourceLocation,
  message: string,
  expected: readonly string[],
  suggestions: readonly string[] = [],
  code: FaultCode = 'BAD_USER_INPUT',
): Fault {
  const { line, column, length } = place;
  return new Fault(code, `line ${line}, column ${column}: ${message}`, undefined, {
    formula: { line, column, length, expected: [...expected], suggestions: [...suggestions] },
  });
}

/** A part of a formula in the form in which messages quote it: short and on one line. */
export function shown(text: string): string {
  const clean = text.replace(/\s+/gu, ' ').replace(/\p{C}/gu, '?');
  const characters = [...clean];
  return characters.length > shownMax ? `${characters.slice(0, shownMax - 3).join('')}...` : clean;
}

/** 'a, b or c' */
export function oneOf(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

/** The end of a message that has a suggestion. */
export function didYouMean(suggestions: readonly string[]): string {
  return suggestions.length === 0 ? '' : `; did you mean ${oneOf(suggestions)}?`;
}

const shownMax = 60;
