import type { Operator, Parameter } from '../operator.ts';
import { completed } from './complete-call.ts';
import { didYouMean, formulaFault, oneOf, shown } from './fault.ts';
import { nearest } from './nearest-names.ts';
import { expectedFor, signatureOf, wantedFor } from './signature.ts';
import type { ArgumentSyntax, CallSyntax, Syntax } from './syntax.ts';

/** The arguments of each parameter, in the order of the parameters. Only a repeatable parameter has several. */
export type Bound = ReadonlyMap<Parameter, readonly Syntax[]>;

export function bind(call: CallSyntax, operator: Operator, text: string): Bound {
  const { parameters } = operator;
  const written = new Map<Parameter, Syntax[]>();
  let position = 0;
  let named: string | undefined;
  for (const argument of call.arguments) {
    const { value } = argument;
    if (argument.name) {
      named = argument.name.text;
      written.set(namedParameter(argument.name, operator, written), [value]);
      continue;
    }
    if (named !== undefined) {
      const problem = `an argument without a name cannot follow one with a name (${shown(named)})`;
      throw formulaFault(value.span, problem, free(operator, written));
    }
    const parameter = parameters[position];
    if (parameter === undefined) throw tooMany(call, operator);
    const values = written.get(parameter);
    if (values) values.push(value);
    else written.set(parameter, [value]);
    if (!parameter.repeats) position++;
  }
  refuseMissing(call, operator, written, text);
  return new Map(parameters.map((parameter) => [parameter, written.get(parameter) ?? []]));
}

function namedParameter(
  { text, span }: NonNullable<ArgumentSyntax['name']>,
  operator: Operator,
  written: ReadonlyMap<Parameter, unknown>,
): Parameter {
  const names = operator.parameters.map((each) => each.name);
  const parameter = operator.parameters.find((each) => each.name === text);
  if (parameter === undefined) {
    const suggestions = nearest(text, names);
    const problem = `${operator.name} has no argument ${shown(text)}: ${signatureOf(operator)}${didYouMean(suggestions)}`;
    throw formulaFault(span, problem, free(operator, written), suggestions);
  }
  if (written.has(parameter)) {
    throw formulaFault(span, `${text} is given twice: ${signatureOf(operator)}`, free(operator, written));
  }
  return parameter;
}

/** Suggests the parameters that can still be named; when all are given, the end of the call. */
function free({ parameters }: Operator, written: ReadonlyMap<Parameter, unknown>): string[] {
  const names = parameters.filter((each) => !written.has(each)).map(({ name }) => `${name}:`);
  return names.length > 0 ? names : [')'];
}

function tooMany(call: CallSyntax, operator: Operator): Error {
  const max = operator.parameters.length;
  const takes = max === 0 ? 'no arguments' : `at most ${max} argument${max > 1 ? 's' : ''}`;
  const given = call.arguments.length;
  const problem = `${operator.name} takes ${takes}, not ${given}: ${signatureOf(operator)}`;
  return formulaFault(call.arguments[max].value.span, problem, [')']);
}

function refuseMissing(
  call: CallSyntax,
  operator: Operator,
  written: ReadonlyMap<Parameter, unknown>,
  text: string,
): void {
  const missing = operator.parameters.filter((each) => !each.optional && !written.has(each));
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name);
    const suggestions = completed(call, operator, text, missing);
    const where = `where ${names[0]} is ${oneOf(wantedFor(missing[0]))}`;
    const problem = `${operator.name} needs ${names.join(' and ')}: ${signatureOf(operator)}, ${where}${didYouMean(suggestions.map(shown))}`;
    throw formulaFault(call.span, problem, expectedFor(missing[0]), suggestions);
  }
  // Inputs are distinguished by their order alone.
  const inputs = operator.parameters.filter(({ type }) => type === 'series' || type === 'ticks');
  const gap = inputs.findIndex(
    (each, i) => !written.has(each) && inputs.slice(i + 1).some((later) => written.has(later)),
  );
  if (gap >= 0) {
    const later = inputs.slice(gap + 1).find((each) => written.has(each))!;
    const problem = `${operator.name} needs ${inputs[gap].name} where ${later.name} is given: ${signatureOf(operator)}`;
    throw formulaFault(call.span, problem, expectedFor(inputs[gap]));
  }
}
