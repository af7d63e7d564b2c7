import { keyProblem } from '../key.ts';

/**
 * A key that needs no quotes: a letter, then letters, digits, `_`, `.`, or `-` between two of these. So `BTC-USD` is a
 * key and `A - B` a difference.
 */
export const bareKeySource = String.raw`\p{L}(?:[\p{L}0-9_.]|-(?=[\p{L}0-9_.]))*`;

const bareKey = new RegExp(`^${bareKeySource}$`, 'u');

/** Words of the language. A series with such a key is written in quotes. */
export const reservedWords: ReadonlySet<string> = new Set(['and', 'or', 'not', 'if', 'true', 'false']);

/** Suggests the key that was probably meant, if it can be one. */
export function suggestedKey(key: string): string[] {
  return keyProblem(key) === undefined ? [keyText(key)] : [];
}

/** A key as formulas write it. */
export function keyText(key: string): string {
  return bareKey.test(key) && !reservedWords.has(key) ? key : `'${key}'`;
}
