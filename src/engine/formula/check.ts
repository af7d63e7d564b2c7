import type { Argument, Operator } from '../operator.ts';
import { described, givenValue, roleOf, ticksKey, type Use } from './argument-value.ts';
import { bind } from './bind.ts';
import { completed } from './complete-call.ts';
import type { Expression } from './expression.ts';
import { didYouMean, formulaFault, shown } from './fault.ts';
import { nearest } from './nearest-names.ts';
import { readQuantity } from './quantity.ts';
import { expectedFor, signatureOf } from './signature.ts';
import { composedFault } from './suggest-recipe.ts';
import { synonymsOf } from './synonyms.ts';
import { type CallSyntax, placeAt, placeOf, type Syntax, textOf } from './syntax.ts';

type Operators = ReadonlyMap<string, Operator>;

const seriesExpected = ['a series', 'a number'];

/** Resolves names and refuses invalid formulas. */
export function checkSyntax(syntax: Syntax, text: string, operators: Operators): Expression {
  const expression = new Checker(text, operators).series(syntax);
  if (!namesSeries(expression)) {
    const problem = `the formula names no series, so there is no instant at which it has a value`;
    throw formulaFault(syntax.span, problem, ['the key of a series']);
  }
  return expression;
}

class Checker {
  readonly #text: string;
  readonly #operators: Operators;

  constructor(text: string, operators: Operators) {
    this.#text = text;
    this.#operators = operators;
  }

  /** Checks an expression that must be a series; `use` is undefined for the whole formula. */
  series(syntax: Syntax, use?: Use): Expression {
    const place = placeOf(syntax.span);
    switch (syntax.kind) {
      case 'number':
        return { kind: 'number', value: syntax.value, place };
      case 'name':
        return { kind: 'series', key: syntax.key, place };
      case 'call':
        return this.#call(syntax);
      case 'misread':
        throw formulaFault(place, syntax.problem, seriesExpected, syntax.instead.filter(isNoWindow));
      case 'window': {
        const who = use ? roleOf(use) : 'a formula';
        const hint = 'micros' in syntax.window ? ': a number of seconds, say, is written without a unit' : '';
        const problem = `${who} must be a series or a number, not ${described(syntax, this.#text)}${hint}`;
        throw formulaFault(place, problem, seriesExpected);
      }
    }
  }

  #call(call: CallSyntax): Expression {
    const operator = this.#operators.get(call.name);
    if (operator === undefined) throw this.#unknown(call);
    const inputs: Expression[] = [];
    const given: Record<string, Argument | undefined> = {};
    for (const [parameter, values] of bind(call, operator, this.#text)) {
      const use = { parameter, operator, call, text: this.#text, operators: this.#operators };
      if (parameter.type === 'series') inputs.push(...values.map((value) => this.series(value, use)));
      else if (parameter.type === 'ticks') inputs.push(...values.flatMap((value) => ticks(value, use)));
      else given[parameter.name] = values.length > 0 ? givenValue(values[0], use) : parameter.fallback;
    }
    const refused = operator.refuse?.(given);
    if (refused) {
      const named = call.arguments.find(({ name }) => name?.text === refused.parameter);
      const parameter = operator.parameters.find(({ name }) => name === refused.parameter)!;
      const nothingGiven = Object.values(given).every((value) => value === undefined);
      const suggestions = nothingGiven ? completed(call, operator, this.#text, [parameter]) : [];
      const problem = `${operator.name}: ${refused.problem} (${signatureOf(operator)})${didYouMean(suggestions.map(shown))}`;
      throw formulaFault(named?.value.span ?? call.span, problem, expectedFor(parameter), suggestions);
    }
    return { kind: 'call', operator, inputs, given, place: placeOf(call.span) };
  }

  #unknown(call: CallSyntax): Error {
    const { name, nameSpan, span } = call;
    const composed = composedFault(call, this.#text);
    if (composed) return composed;
    const known = synonymsOf(name).filter((each) => this.#operators.has(each));
    const names = [...this.#operators.keys()].filter((each) => /^\p{L}/u.test(each));
    const suggestions = this.#difference(name) ?? [...new Set([...known, ...nearest(name, names)])].slice(0, 3);
    const infix = suggestions.find((each) => !/^\p{L}/u.test(each));
    if (infix !== undefined) {
      const problem = `there is no operator ${shown(name)}: it is written x ${infix} y, not ${shown(textOf(this.#text, span))}`;
      return formulaFault(nameSpan, problem, [infix], suggestions);
    }
    return formulaFault(
      nameSpan,
      `there is no operator ${shown(name)}${didYouMean(suggestions)}`,
      ['an operator'],
      suggestions,
    );
  }

  /** A-mean(A, 20p) calls A-mean, because a minus sign without spaces belongs to the name. */
  #difference(name: string): string[] | undefined {
    const hyphen = name.lastIndexOf('-');
    const operator = name.slice(hyphen + 1);
    return hyphen > 0 && this.#operators.has(operator) ? [`${name.slice(0, hyphen)} - ${operator}`] : undefined;
  }
}

function isNoWindow(text: string): boolean {
  const span = { ...placeAt(text, 0), from: 0 };
  return readQuantity(text, span, text).kind !== 'window';
}

function ticks(value: Syntax, use: Use): Expression[] {
  const reference = { key: ticksKey(value, use), place: placeOf(value.span) };
  const size: Expression = { kind: 'size', ...reference };
  return use.operator.takes === 'size' ? [size] : [{ kind: 'series', ...reference }, size];
}

function namesSeries(expression: Expression): boolean {
  if (expression.kind === 'call') return expression.inputs.some(namesSeries);
  return expression.kind !== 'number';
}
