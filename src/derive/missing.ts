import type { Fault } from '../engine/fault.ts';
import { differenceWithin, keysWithin } from '../engine/formula/difference.ts';
import { didYouMean, formulaFault } from '../engine/formula/fault.ts';
import { type Reference, refuseUnknown } from '../engine/formula/references.ts';
import { quoted } from '../engine/key.ts';
import type { Catalogue } from '../store/catalogue.ts';

/** For references to series that are not there, at least one: with what may have been meant. */
export async function missingFault(catalogue: Catalogue, missing: readonly Reference[]): Promise<Fault> {
  const { key } = missing[0];
  return refuseUnknown(missing, [...(await knownWithin(catalogue, key)), ...(await catalogue.likelyKeys(key))]);
}

/** For a reference to the very series that is being defined: A-B may have been meant as A less B. */
export async function itselfFault(catalogue: Catalogue, { key, place }: Reference): Promise<Fault> {
  const difference = differenceWithin(key, new Set(await knownWithin(catalogue, key)));
  const suggestions = difference === undefined ? [] : [difference];
  const problem = `${quoted(key)} would read itself${didYouMean(suggestions)}`;
  return formulaFault(place, problem, ['another series'], suggestions);
}

async function knownWithin(catalogue: Catalogue, key: string): Promise<string[]> {
  return (await catalogue.seriesByKeys(keysWithin(key))).map((row) => row.key);
}
