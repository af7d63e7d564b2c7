import { numberOfText } from './parse-number.ts';

/** Also true for numbers with thousands separators: such a column is numeric, although the parser refuses its cells. */
const grouped = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$|^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?$/;

export function looksLikeNumber(text: string): boolean {
  return !Number.isNaN(numberOfText(text, false)) || !Number.isNaN(numberOfText(text, true)) || grouped.test(text);
}

/** True when the comma is the decimal separator; undefined when the numbers are ambiguous. */
export function guessDecimalComma(texts: readonly string[]): boolean | undefined {
  let comma = 0;
  let dot = 0;
  let either = 0;
  for (const text of texts) {
    if (/^[+-]?\d{1,3},\d{3}$/.test(text)) either++;
    else if (/^[+-]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d*(?:[eE][+-]?\d+)?$/.test(text)) comma++;
    else if (/^[+-]?\d{1,3}(?:\.\d{3}){2,}$/.test(text)) comma++;
    else if (/^[+-]?\d{1,3}(?:,\d{3}){2,}$/.test(text) || /^[+-]?(?:\d{1,3}(?:,\d{3})+|\d*)\.\d*$/.test(text)) dot++;
  }
  if (comma !== dot) return comma > dot;
  return either > 0 ? undefined : false;
}
