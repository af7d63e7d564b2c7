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

/** Describes in words what a parameter accepts. */
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

/** The same with its bounds, so that every text that matches the description is accepted. */
export function expectedFor(parameter: Parameter): string[] {
  const { type, min } = parameter;
  const duration = 'a duration longer than 0, such as 60s';
  if (type === 'duration') return [duration];
  if (type === 'window') return [`at least ${pointsText(min ?? 1)}, such as 20p`, duration];
  return wantedFor(parameter).map((each) => [each, ...boundsOf(parameter)].join(' '));
}

/** 'above 0', 'at most 1'; empty for a parameter without bounds. */
export function boundsOf({ min, max, aboveMin }: Parameter): string[] {
  const bounds = [
    ...(min === undefined ? [] : [aboveMin ? `above ${min}` : `at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
  ];
  return bounds.length === 0 ? [] : [bounds.join(' and ')];
}

export function pointsText(count: number): string {
  return `${count} point${count === 1 ? '' : 's'}`;
}
