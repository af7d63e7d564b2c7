import type { Operator, Parameter } from '../operator.ts';
import { infixes } from './precedence.ts';

/** `mean(x, window)`, `ema(x, [span], [halflife])`, `greatest(x, ...)`, `a + b`. */
export function signatureOf({ name, parameters }: Operator): string {
  const names = parameters.map((parameter) => parameter.name);
  if (infixes.has(name) && names.length === 2) return names.join(` ${name} `);
  if (name === 'not') return `not ${names.join('')}`;
  return `${name}(${parameters.map(written).join(', ')})`;
}

function written({ name, optional, repeats }: Parameter): string {
  return `${optional ? `[${name}]` : name}${repeats ? ', ...' : ''}`;
}

/** What can stand for a parameter, in words. */
export function wantedFor({ type, words = [] }: Parameter): string[] {
  switch (type) {
    case 'series':
      return ['a series'];
    case 'ticks':
      return ['the key of a series'];
    case 'window':
      return ['points (20p)', 'a duration (20s)'];
    case 'duration':
      return ['a duration (20s)'];
    case 'count':
      return ['a whole number'];
    case 'number':
      return ['a number'];
    case 'word':
      return [...words];
  }
}
