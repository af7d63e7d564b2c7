import type { Fault } from '../fault.ts';
import { recipes } from '../operators/recipes.ts';
import { formulaFault, shown } from './fault.ts';
import { plainName } from './synonyms.ts';
import { type CallSyntax, textOf } from './syntax.ts';

/**
 * The fault for a call of a function that is not an operator here but a composition of several: it suggests the recipe
 * with the caller's series.
 */
export function composedFault(call: CallSyntax, text: string): Fault | undefined {
  const wanted = plainName(call.name);
  for (const { title, formulas } of recipes) {
    const meant = formulas.filter(({ called }) => called?.includes(wanted));
    if (meant.length === 0) continue;
    const problem = `there is no operator ${shown(call.name)}: it is made of others, by the recipe ${title} in docs/formulas.md`;
    const series = seriesOf(call, text);
    const suggestions =
      series === undefined ? [] : meant.map(({ formula }) => within(call, text, withSeries(formula, series)));
    return formulaFault(call.span, problem, ['a formula made of operators'], suggestions);
  }
  return undefined;
}

/** The single series of the call; undefined when there are several, because a recipe has one. */
function seriesOf({ arguments: given }: CallSyntax, text: string): string | undefined {
  const series = given.filter(({ value: { kind } }) => kind === 'name' || kind === 'call');
  const written = series.length === 1 ? textOf(text, series[0].value.span) : '';
  return written.length > 0 && written.length <= seriesCharsMax ? written : undefined;
}

function withSeries(recipe: string, series: string): string {
  return recipe.replace(/\bX\b/g, () => series);
}

/** Parentheses keep the recipe together within a larger formula. */
function within(call: CallSyntax, text: string, formula: string): string {
  return textOf(text, call.span) === text.trim() ? formula : `(${formula})`;
}

/** The longest series text to insert: a recipe repeats it several times. */
const seriesCharsMax = 202;
