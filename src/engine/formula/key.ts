import { keyProblem } from '../key.ts';

/**
 * A key that is written as it is: a letter, then letters, digits, `_`, `.`, or `-` between two of these. So `BTC-USD` is a
 * key and `A - B` a difference.
 */
export const bareKeySource = String.raw`\p{L}(?:[\p{L}0-9_.]|-(?=[\p{L}0-9_.]))*`;

const bareKey = new RegExp(`^${bareKeySource}$`, 'u');

/** Words of the language: a series with such a key is written in quotes. */
export const reservedWords: ReadonlySet<string> = new Set(['and', 'or', 'not', 'if', 'true', 'false']);

/** What somebody may have meant as a key, as a suggestion; none where it cannot be one. */
export function suggestedKey(key: string): string[] {
  return keyProblem(key) === undefined ? [keyText(key)] : [];
}

/** A key as it stands in a formula. */
export function keyText(key: string): string {
  return bareKey.test(key) && !reservedWords.has(key) ? key : `'${key}'`;
}
