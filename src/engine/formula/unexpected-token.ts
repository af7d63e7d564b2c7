import type { IToken } from 'chevrotain';
import type { Fault } from '../fault.ts';
import { formulaFault, shown } from './fault.ts';
import { isInfix, isPrefix, spanOf, valueExpected } from './lex.ts';
import { unitOf } from './quantity.ts';
import { placeOf, spanning, textOf } from './syntax.ts';
import { Close, Colon, Comma, Name, Open, Quantity, Quoted, valueEnds } from './tokens.ts';

/** The fault for a token at an invalid position, or for an unexpected end (at = tokens.length). */
export function misplacedFault(tokens: readonly IToken[], at: number, text: string): Fault {
  const before = tokens[at - 1];
  const token = tokens[at];
  const open = innermostOpen(tokens, at);
  const inCall = open > 0 && tokens[open - 1].tokenType === Name;
  if (before !== undefined && valueEnds.has(before.tokenType)) {
    const expected = ['an operator', ...(inCall ? [','] : []), open >= 0 ? ')' : 'the end'];
    if (token !== undefined) return afterValue(before, token, { inCall, expected, text });
    return formulaFault(spanOf(tokens[open]), 'this parenthesis is never closed', expected);
  }
  if (token === undefined) {
    return formulaFault(
      spanOf(before),
      `the formula ends here, but a value must follow ${before.image}`,
      valueExpected,
    );
  }
  return noValue(before, token);
}

function innermostOpen(tokens: readonly IToken[], end: number): number {
  let closed = 0;
  for (let i = end - 1; i >= 0; i--) {
    if (tokens[i].tokenType === Close) closed++;
    else if (tokens[i].tokenType === Open && closed-- === 0) return i;
  }
  return -1;
}

interface Around {
  readonly inCall: boolean;
  readonly expected: readonly string[];
  readonly text: string;
}

/** A value has ended, and the next token neither continues nor ends anything. */
function afterValue(before: IToken, token: IToken, { inCall, expected, text }: Around): Fault {
  const place = placeOf(spanOf(token));
  const { tokenType: type, image } = token;
  const lower = image.toLowerCase();
  if (type === Close) return formulaFault(place, 'this parenthesis closes none', expected, ['']);
  if (type === Comma) {
    return formulaFault(place, 'a comma only stands between the arguments of a call, as in mean(x, 20p)', expected);
  }
  if (type === Colon) {
    const quoted = before.tokenType === Quoted ? ', written without quotes' : '';
    const problem = `a colon only stands behind the name of an argument${quoted}, as in ema(x, halflife: 20)`;
    return formulaFault(place, problem, expected);
  }
  if (type === Name && (lower === 'and' || lower === 'or')) {
    return formulaFault(place, `${lower} is written in small letters`, [lower], [lower]);
  }
  const unit = type === Name && before.tokenType === Quantity ? unitOf(image) : undefined;
  if (unit !== undefined) {
    const span = spanning(spanOf(before), spanOf(token));
    const joined = `${before.image}${unit}`;
    return formulaFault(span, `a unit clings to its number: write ${shown(joined)}`, expected, [joined]);
  }
  if (type === Name && lower === 'if') {
    return formulaFault(place, 'a choice is written if(condition, then, else)', expected);
  }
  if (type === Open) {
    const problem = 'only a name can be called: to multiply, write * before this parenthesis';
    return formulaFault(place, problem, expected, ['* (']);
  }
  const pair = textOf(text, spanning(spanOf(before), spanOf(token)));
  const missing = inCall ? 'an operator or a comma' : 'an operator';
  return formulaFault(place, `${missing} is missing between the two values in ${shown(pair)}`, expected);
}

/** A value is expected, and the next token is something else. */
function noValue(before: IToken | undefined, token: IToken): Fault {
  const place = placeOf(spanOf(token));
  const { tokenType: type, image } = token;
  if (type === Close && before?.tokenType === Open) {
    return formulaFault(place, 'there is nothing between these parentheses', valueExpected);
  }
  if (type === Close || type === Comma) {
    const where = before === undefined ? 'at the beginning' : `between ${before.image} and ${image}`;
    return formulaFault(place, `a value is missing ${where}`, valueExpected);
  }
  if (image === '+') return formulaFault(place, 'a plus sign before a value is left out', valueExpected, ['']);
  if (image === 'and' || image === 'or') {
    const problem = `${image} stands between two conditions, as in a > 1 ${image} b > 1`;
    return formulaFault(place, problem, valueExpected);
  }
  const named = isInfix(token) || isPrefix(token) ? 'the operator ' : '';
  const where = before === undefined ? 'the formula begins with' : `${before.image} is followed by`;
  return formulaFault(place, `${where} ${named}${shown(image)}, where a value is expected`, valueExpected);
}
