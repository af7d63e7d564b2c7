import { keyText } from './key.ts';

const partsMax = 8;
const number = /^\d+(?:\.\d+)?$/;

/** The keys around the hyphens of a key, in case a difference was meant: X and Y for X-Y. */
export function keysWithin(key: string): string[] {
  const parts = key.split('-');
  if (parts.length > partsMax) return [];
  const keys = parts.flatMap((_, from) => parts.slice(from).map((_, more) => textOf(parts, from, from + more + 1)));
  return [...new Set(keys)].filter((each) => each !== key && each !== '');
}

/**
 * The text of the difference of two known series, or of a series and a number; undefined when `key` cannot mean one.
 */
export function differenceWithin(key: string, known: ReadonlySet<string>): string | undefined {
  const parts = key.split('-');
  if (parts.length < 2 || parts.length > partsMax) return undefined;
  const operandsFrom = (from: number): string[] | undefined => {
    if (from === parts.length) return [];
    for (let to = parts.length; to > from; to--) {
      const operand = textOf(parts, from, to);
      const isNumber = from > 0 && number.test(operand);
      const rest = isNumber || known.has(operand) ? operandsFrom(to) : undefined;
      if (rest) return [isNumber ? operand : keyText(operand), ...rest];
    }
    return undefined;
  };
  return operandsFrom(0)?.join(' - ');
}

function textOf(parts: readonly string[], from: number, to: number): string {
  return parts.slice(from, to).join('-');
}
