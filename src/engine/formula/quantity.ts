import { formatDuration, parseDuration } from '../duration.ts';
import { formulaFault, oneOf, shown } from './fault.ts';
import { suggestedKey } from './key.ts';
import type { MisreadSyntax, Span, Syntax } from './syntax.ts';

const number = /^(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?$/i;
const points = /^\d+p$/;
const amountAndUnit = /^(\d+(?:\.\d+)?|\.\d+)(\p{L}+)$/u;
const exponentAndUnit = /^((?:\d+(?:\.\d+)?|\.\d+)e[+-]?\d+)(\p{L}+)$/iu;

const durationPart = /\d+(?:us|ms|[smhdw])/g;
const severalParts = /^(?:\d+(?:us|ms|[smhdw])){2,}$/;

/** Units of other systems, mapped to the units of this language. */
const units: Readonly<Record<string, readonly string[]>> = {
  p: ['pt', 'pts', 'point', 'points', 'bar', 'bars', 'tick', 'ticks', 'row', 'rows'],
  ms: ['millis', 'msec', 'msecs'],
  s: ['sec', 'secs', 'second', 'seconds'],
  m: ['min', 'mins', 'minute', 'minutes'],
  h: ['hr', 'hrs', 'hour', 'hours'],
  d: ['day', 'days'],
  w: ['wk', 'wks', 'week', 'weeks'],
};

/** Parses a token that starts with a digit: a number, a number of points, or a duration. */
export function readQuantity(text: string, span: Span, formula: string): Syntax {
  if (number.test(text)) {
    const value = Number(text);
    if (Number.isFinite(value)) return { kind: 'number', value, span };
    return misread(span, `${shown(text)} is larger than any number kept here (${Number.MAX_VALUE})`, []);
  }
  if (points.test(text)) {
    const count = Number(text.slice(0, -1));
    if (Number.isSafeInteger(count)) return { kind: 'window', window: { points: count }, span };
    return misread(span, `${shown(text)} is more points than can be counted`, []);
  }
  const duration = parseDuration(text);
  if (typeof duration === 'number') return { kind: 'window', window: { micros: duration }, span };
  const key = keyAround(formula, span);
  if (key.length > text.length) {
    const problem = `${shown(key)} begins with a digit: such a key is written in quotes, and a minus sign between spaces`;
    throw formulaFault({ ...span, length: key.length }, problem, ['the key of a series in quotes'], suggestedKey(key));
  }
  return misread(span, ...problemOf(text, duration.problem));
}

function misread(span: Span, problem: string, instead: readonly string[]): MisreadSyntax {
  return { kind: 'misread', problem, instead, span };
}

/** The notation of this language for an ISO 8601 duration, because PT24H is the key of a series. */
export function shortDurationOf(text: string): string | undefined {
  const micros = text.startsWith('P') ? parseDuration(text) : undefined;
  return typeof micros === 'number' ? formatDuration(micros) : undefined;
}

/** The notation of this language for a unit; undefined when there is no such unit. */
export function unitOf(text: string): string | undefined {
  // A capital M can mean months, which have no fixed length.
  if (text === 'M') return undefined;
  const plain = text.toLowerCase();
  return Object.keys(units).find((unit) => unit === plain || units[unit].includes(plain));
}

/** A key was probably meant, such as 1INCH-USD, and the number is only its beginning. */
function keyAround(formula: string, { from }: Span): string {
  const pattern = /(?:[\p{L}0-9_.]|-(?=[\p{L}0-9_.]))*/uy;
  pattern.lastIndex = from;
  return pattern.exec(formula)?.[0] ?? '';
}

type Problem = [message: string, instead: string[]];

const forms = ['a number', 'points (20p)', 'a duration (60s)'];

function problemOf(text: string, durationProblem: string): Problem {
  const joined = joinedParts(text);
  if (joined !== undefined) return [`a duration has one part: ${shown(text)} is written ${joined}`, [joined]];
  const [, amount, letters] = amountAndUnit.exec(text) ?? [];
  if (letters === 'p') return ['points are counted in whole numbers, as in 20p', [`${Math.ceil(Number(amount))}p`]];
  if (letters !== undefined) {
    const unit = unitOf(letters);
    const instead = unit && `${amount.startsWith('.') ? '0' : ''}${amount}${unit}`;
    if (instead && isWindow(instead)) return [`${shown(text)} is written ${instead}`, [instead]];
    if (unit !== undefined || /^(?:mo|mon|months?|M|y|yr|years?|Y|ns)$/.test(letters)) return [durationProblem, []];
    const product = `${amount} * ${letters}`;
    const message = `${shown(text)} is neither a number nor a duration: to multiply write ${shown(product)}, and a key that begins with a digit in quotes`;
    return [message, [product, ...suggestedKey(text)]];
  }
  const plainDigits = withoutExponent(text);
  if (plainDigits !== undefined)
    return [`an amount with a unit is written in plain digits: ${plainDigits}`, [plainDigits]];
  if (/^[\d_]+$/.test(text)) {
    const plain = text.replaceAll('_', '');
    return [`a number is written without ${shown('_')}: ${shown(plain)}`, [plain]];
  }
  if (/^\d+\.$/.test(text)) return ['digits must follow the decimal point', [text.slice(0, -1)]];
  if (/^0[xbo]/i.test(text) && Number.isFinite(Number(text))) {
    const plain = String(Number(text));
    return [`numbers are written in decimal digits, this one as ${plain}`, [plain]];
  }
  const message = `${shown(text)} is none of ${oneOf(forms)}, and a key that begins with a digit is written in quotes`;
  return durationProblem.includes('is not a duration') ? [message, suggestedKey(text)] : [durationProblem, []];
}

function isWindow(text: string): boolean {
  return points.test(text) || typeof parseDuration(text) === 'number';
}

/** 1e9p becomes 1000000000p. */
function withoutExponent(text: string): string | undefined {
  const [, amount, letters] = exponentAndUnit.exec(text) ?? [];
  const unit = letters && unitOf(letters);
  const plain = unit && `${Number(amount)}${unit}`;
  return plain && isWindow(plain) ? plain : undefined;
}

/** 1h30m becomes 90m. */
function joinedParts(text: string): string | undefined {
  if (!severalParts.test(text)) return undefined;
  let micros = 0;
  for (const part of text.match(durationPart)!) {
    const one = parseDuration(part);
    if (typeof one !== 'number') return undefined;
    micros += one;
  }
  return Number.isSafeInteger(micros) ? formatDuration(micros) : undefined;
}
