import { keyText } from './key.ts';

const partsMax = 8;
const number = /^\d+(?:\.\d+)?$/;

/** The keys that a key with hyphens is made of, if it was meant as a difference of series: X and Y for X-Y. */
export function keysWithin(key: string): string[] {
  const parts = key.split('-');
  if (parts.length > partsMax) return [];
  const keys = parts.flatMap((_, from) => parts.slice(from).map((_, more) => textOf(parts, from, from + more + 1)));
  return [...new Set(keys)].filter((each) => each !== key && each !== '');
}

/** How it is written that one known series is less another, or less a number; undefined where `key` cannot mean that. */
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
