import type { Operator, Parameter } from '../operator.ts';
import { readSyntax } from './grammar.ts';
import { type CallSyntax, type Syntax, textOf } from './syntax.ts';

/** Completes a call with the arguments of the operator's example. Returns nothing when the inputs are missing too. */
export function completed(call: CallSyntax, operator: Operator, text: string, missing: readonly Parameter[]): string[] {
  const { parameters, examples } = operator;
  const given = call.arguments.map(({ name, value }) => (name ? `${name.text}: ` : '') + textOf(text, value.span));
  const inputs = parameters.filter((each) => isInput(each) && !each.optional);
  if (missing.some(isInput) || inputs.some((each) => !standsForSeries(argumentFor(each, call, parameters)))) return [];
  const named = call.arguments.some(({ name }) => name);
  for (const { formula } of examples) {
    const example = readSyntax(formula);
    if (example.kind !== 'call' || example.name !== operator.name) continue;
    const added = missing.map((each) => ({ each, value: argumentFor(each, example, parameters) }));
    if (added.some(({ value }) => value === undefined)) continue;
    const texts = added.map(({ each, value }) => (named ? `${each.name}: ` : '') + textOf(formula, value!.span));
    return [`${call.name}(${[...given, ...texts].join(', ')})`];
  }
  return [];
}

function argumentFor(parameter: Parameter, { arguments: all }: CallSyntax, parameters: readonly Parameter[]) {
  return all.find(({ name }, i) => (name ? name.text === parameter.name : parameters[i] === parameter))?.value;
}

function standsForSeries(value: Syntax | undefined): boolean {
  return value?.kind === 'name' || value?.kind === 'call';
}

function isInput({ type }: Parameter): boolean {
  return type === 'series' || type === 'ticks';
}
