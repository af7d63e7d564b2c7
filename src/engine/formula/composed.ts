import type { Fault } from '../fault.ts';
import { recipes } from '../operators/recipes.ts';
import { formulaFault, shown } from './fault.ts';
import { plainName } from './synonyms.ts';
import { type CallSyntax, textOf } from './syntax.ts';

/** For a call of what is no operator here but made of several: its recipe, with the series put in. */
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

/** The one series that is given; undefined where there are several, as a recipe is of one. */
function seriesOf({ arguments: given }: CallSyntax, text: string): string | undefined {
  const series = given.filter(({ value: { kind } }) => kind === 'name' || kind === 'call');
  const written = series.length === 1 ? textOf(text, series[0].value.span) : '';
  return written.length > 0 && written.length <= seriesCharsMax ? written : undefined;
}

function withSeries(recipe: string, series: string): string {
  return recipe.replace(/\bX\b/g, () => series);
}

/** Within a larger formula it is taken as one value. */
function within(call: CallSyntax, text: string, formula: string): string {
  return textOf(text, call.span) === text.trim() ? formula : `(${formula})`;
}

/** As long as a key in quotes may be: it stands in a suggestion many times. */
const seriesCharsMax = 202;
