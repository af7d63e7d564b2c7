import type { Fault } from '../fault.ts';
import type { Expression, SourceLocation } from './expression.ts';
import { didYouMean, formulaFault, shown } from './fault.ts';
import { keyText } from './key.ts';
import { nearest } from './nearest-names.ts';
import { differenceWithin } from './suggest-difference.ts';
import { isNoNumber } from './synonyms.ts';

export interface Reference {
  readonly kind: 'series' | 'size';
  readonly key: string;
  readonly place: SourceLocation;
}

/** All references of a formula in order. Ticks count as a series and then its sizes, at one position. */
export function referencesOf(expression: Expression): Reference[] {
  if (expression.kind === 'number') return [];
  if (expression.kind === 'call') return expression.inputs.flatMap(referencesOf);
  const { kind, key, place } = expression;
  return [{ kind, key, place }];
}

/**
 * The fault for references to missing series (at least one); the first one gives the position. `known` includes the
 * existing keys among `keysWithin` the reference.
 */
export function refuseUnknown(missing: readonly Reference[], knownKeys: readonly string[]): Fault {
  const [first] = missing;
  const known = new Set(knownKeys);
  // An operator that needs sizes accepts only a key.
  const takesSizes = missing.some(({ kind, place }) => kind === 'size' && place === first.place);
  const difference = takesSizes ? undefined : differenceWithin(first.key, known);
  const suggestions = [...(difference === undefined ? [] : [difference]), ...nearest(first.key, known).map(keyText)];
  const others = [...new Set(missing.map(({ key }) => key))].filter((key) => key !== first.key);
  const named = others.slice(0, othersMax).map((key) => shown(keyText(key)));
  const more = others.length > othersMax ? ` and ${others.length - othersMax} more` : '';
  const also = others.length > 0 ? `, nor is there ${named.join(', ')}${more}` : '';
  const number = isNoNumber(first.key)
    ? ', and no number of that name: where nothing can be said there is no point'
    : '';
  const problem = `there is no series ${shown(keyText(first.key))}${also}${number}${didYouMean(suggestions.map(shown))}`;
  return formulaFault(first.place, problem, ['the key of a series'], suggestions);
}

const othersMax = 5;
