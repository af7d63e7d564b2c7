import type { Fault } from '../engine/fault.ts';
import { didYouMean, formulaFault } from '../engine/formula/fault.ts';
import { type Reference, refuseUnknown } from '../engine/formula/references.ts';
import { differenceWithin, keysWithin } from '../engine/formula/suggest-difference.ts';
import { quoted } from '../engine/key.ts';
import type { Catalogue } from '../store/catalogue.ts';

/** The fault for references to series that do not exist (at least one), with suggestions. */
export async function unknownSeriesFault(catalogue: Catalogue, missing: readonly Reference[]): Promise<Fault> {
  const { key } = missing[0];
  return refuseUnknown(missing, [...(await knownWithin(catalogue, key)), ...(await catalogue.likelyKeys(key))]);
}

/** The fault for a formula that refers to the series it defines: its author may have meant A less B by A-B. */
export async function selfReferenceFault(catalogue: Catalogue, { key, place }: Reference): Promise<Fault> {
  const difference = differenceWithin(key, new Set(await knownWithin(catalogue, key)));
  const suggestions = difference === undefined ? [] : [difference];
  const problem = `${quoted(key)} would read itself${didYouMean(suggestions)}`;
  return formulaFault(place, problem, ['another series'], suggestions);
}

async function knownWithin(catalogue: Catalogue, key: string): Promise<string[]> {
  return (await catalogue.seriesByKeys(keysWithin(key))).map((row) => row.key);
}
