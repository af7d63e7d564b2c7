import type { Argument, Operator, Parameter } from '../operator.ts';
import { didYouMean, formulaFault, oneOf, shown } from './fault.ts';
import { keyText } from './key.ts';
import { nearest } from './nearest-names.ts';
import { readQuantity, shortDurationOf } from './quantity.ts';
import { boundsOf, expectedFor, pointsText, signatureOf, wantedFor } from './signature.ts';
import { isNoNumber, ofSeveralValues } from './synonyms.ts';
import { type CallSyntax, type MisreadSyntax, type Syntax, textOf } from './syntax.ts';

/** The call and the parameter that an argument is for. */
export interface Use {
  readonly parameter: Parameter;
  readonly operator: Operator;
  readonly call: CallSyntax;
  /** The whole formula. */
  readonly text: string;
  readonly operators: ReadonlyMap<string, Operator>;
}

/** The value of an argument that is not a series. */
export function givenValue(value: Syntax, use: Use): Argument {
  if (value.kind === 'misread') throw misreadFault(value, use);
  switch (use.parameter.type) {
    case 'window':
    case 'duration':
      return windowOf(value, use);
    case 'word':
      return wordOf(value, use);
    default:
      return numberOf(value, use);
  }
}

/** Of the possible meanings, suggests only those that are valid at this position. */
function misreadFault({ problem, instead, span }: MisreadSyntax, { parameter }: Use): Error {
  const fits = (text: string): boolean => {
    if (parameter.type === 'ticks') return text.startsWith("'");
    const read = readQuantity(text, span, text);
    if (read.kind !== 'window') return read.kind === 'number' && ['number', 'count'].includes(parameter.type);
    return parameter.type === 'window' || (parameter.type === 'duration' && 'micros' in read.window);
  };
  return formulaFault(span, problem, expectedFor(parameter), instead.filter(fits));
}

/** 'the window of mean' */
export function roleOf({ parameter, operator }: Use): string {
  return `${parameter.name} of ${operator.name}`;
}

/** Describes an argument in words. */
export function described(value: Syntax, text: string): string {
  const written = shown(textOf(text, value.span));
  if (value.kind === 'window')
    return 'points' in value.window ? `${written}, a number of points` : `${written}, a duration`;
  if (value.kind === 'number') return `${written}, a number`;
  if (value.kind === 'name' && isNoNumber(value.key)) return `${written}, which is no number here`;
  return value.kind === 'name' ? `the series ${written}` : `the formula ${written}`;
}

function windowOf(value: Syntax, use: Use): Argument {
  const { parameter, text } = use;
  const wanted = oneOf(wantedFor(parameter));
  const expected = expectedFor(parameter);
  const isDuration = parameter.type === 'duration';
  if (value.kind === 'number') throw withoutUnit(value.value, value, use);
  if (value.kind !== 'window') {
    const iso = value.kind === 'name' && !value.quoted ? shortDurationOf(value.key) : undefined;
    const hint = iso === undefined ? severalValuesHint(use) : `; a duration is written ${iso}`;
    const problem = `${roleOf(use)} must be ${wanted}, not ${described(value, text)}${hint}`;
    throw formulaFault(value.span, problem, expected, iso === undefined ? [] : [iso]);
  }
  const { window } = value;
  if ('micros' in window) return isDuration ? window.micros : window;
  if (isDuration) {
    throw formulaFault(value.span, `${roleOf(use)} must be ${wanted}, not ${described(value, text)}`, expected);
  }
  const { min = 1 } = parameter;
  if (window.points < min) {
    throw formulaFault(value.span, `${roleOf(use)} must be at least ${pointsText(min)}`, expected, [`${min}p`]);
  }
  return window;
}

function withoutUnit(number: number, value: Syntax, use: Use): Error {
  const { parameter } = use;
  const units = parameter.type === 'duration' ? ['s'] : ['p', 's'];
  const plain = number > 0 && /^[\d.]+$/.test(String(number)) ? number : 20;
  const suggestions = units
    .filter((unit) => unit === 's' || Number.isSafeInteger(plain))
    .map((unit) => `${plain}${unit}`);
  const meaning = suggestions.map(
    (each) => `${each} for ${plain} ${each.endsWith('p') ? 'point' : 'second'}${plain === 1 ? '' : 's'}`,
  );
  const problem = `${roleOf(use)} needs a unit: write ${oneOf(meaning)}${severalValuesHint(use)}`;
  return formulaFault(value.span, problem, expectedFor(parameter), suggestions);
}

/** max(x, 1) is the highest x of a window. Its author may have meant the larger of x and 1. */
function severalValuesHint({ operator, call, text, operators }: Use): string {
  const other = ofSeveralValues.get(operator.name);
  if (other === undefined || !operators.has(other.name) || call.arguments.some(({ name }) => name)) return '';
  const values = call.arguments.map(({ value }) => textOf(text, value.span));
  return `; ${other.gives} is ${shown(`${other.name}(${values.join(', ')})`)}`;
}

function wordOf(value: Syntax, use: Use): Argument {
  const { words = [] } = use.parameter;
  const word = value.kind === 'name' ? value.key : textOf(use.text, value.span);
  if (value.kind === 'name' && !value.quoted && words.includes(word)) return word;
  const suggestions = nearest(word, words);
  const quoted = value.kind === 'name' && value.quoted && words.includes(word) ? ', written without quotes' : '';
  const problem = `${roleOf(use)} must be ${oneOf(words)}${quoted}, not ${shown(textOf(use.text, value.span))}`;
  throw formulaFault(value.span, `${problem}${quoted ? '' : didYouMean(suggestions)}`, words, suggestions);
}

function numberOf(value: Syntax, use: Use): Argument {
  const { parameter, text } = use;
  const { min, max, aboveMin } = parameter;
  const expected = expectedFor(parameter);
  const kind = parameter.type === 'count' ? 'a plain whole number' : 'a plain number';
  if (value.kind !== 'number') {
    const plain = value.kind === 'window' && 'points' in value.window ? [String(value.window.points)] : [];
    const hint = plain.length > 0 ? `: write ${plain[0]}` : '';
    throw formulaFault(
      value.span,
      `${roleOf(use)} must be ${kind}, not ${described(value, text)}${hint}`,
      expected,
      plain,
    );
  }
  const number = value.value;
  if (parameter.type === 'count' && !Number.isSafeInteger(number)) {
    throw formulaFault(
      value.span,
      `${roleOf(use)} must be a whole number, not ${number}`,
      expected,
      nearbyWhole(number),
    );
  }
  const tooSmall = min !== undefined && (aboveMin ? number <= min : number < min);
  if (!tooSmall && !(max !== undefined && number > max)) return number;
  const instead = tooSmall ? (aboveMin ? undefined : min) : max;
  const problem = `${roleOf(use)} must be ${boundsOf(parameter).join('')}, not ${number}`;
  throw formulaFault(value.span, problem, expected, instead === undefined ? [] : [String(instead)]);
}

function nearbyWhole(number: number): string[] {
  const rounded = Math.round(number);
  return Number.isSafeInteger(rounded) ? [String(rounded)] : [];
}

/** The key of an argument of type 'ticks'. */
export function ticksKey(value: Syntax, use: Use): string {
  if (value.kind === 'name') return value.key;
  if (value.kind === 'misread') throw misreadFault(value, use);
  const inner = value.kind === 'call' ? value.arguments.find((each) => each.value.kind === 'name')?.value : undefined;
  const suggestions = inner?.kind === 'name' ? [keyText(inner.key)] : [];
  const problem = `${roleOf(use)} must be the key of a series, whose sizes it needs too, not ${described(value, use.text)}`;
  throw formulaFault(value.span, `${problem}: ${signatureOf(use.operator)}`, wantedFor(use.parameter), suggestions);
}
