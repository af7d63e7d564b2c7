import { type IToken, Lexer } from 'chevrotain';
import { formulaFault } from './fault.ts';
import { strayFault } from './foreign-notation.ts';
import type { Span } from './syntax.ts';
import { Close, Colon, Infix, Name, Open, Prefix, Quantity, Quoted, tokenTypes, valueEnds } from './tokens.ts';

const lengthMax = 10_000;
const nodesMax = 500;
const nestingMax = 100;
const inParts = 'define a part of it as a series of its own';

let lexer: Lexer | undefined;

/** The tokens of a formula. It refuses an empty formula and one that would need an unbounded parser stack. */
export function tokensOf(text: string): IToken[] {
  const whole = { line: 1, column: 1, length: text.length };
  if (text.length > lengthMax) {
    const problem = `a formula has at most ${lengthMax} characters, this one has ${text.length}: ${inParts}`;
    throw formulaFault(whole, problem, [`at most ${lengthMax} characters`]);
  }
  // The patterns are few and simple: optimizing them costs more time than it saves.
  lexer ??= new Lexer(tokenTypes, { recoveryEnabled: false, safeMode: true });
  const { tokens, errors } = lexer.tokenize(text);
  if (errors.length > 0) {
    const { offset, line, column } = errors[0];
    throw strayFault(text, offset, line!, column!);
  }
  if (tokens.length === 0) {
    throw formulaFault(whole, 'the formula is empty: write one such as mean(BTC-USD, 20p)', valueExpected);
  }
  refuseTooLarge(tokens);
  return tokens;
}

/** The tokens that are valid where a value is expected. */
export const valueExpected = ['a number', 'the key of a series', 'a call', '('];

export function spanOf({ startLine, startColumn, startOffset, image }: IToken): Span {
  return { line: startLine!, column: startColumn!, from: startOffset, length: image.length };
}

export function isInfix({ tokenType }: IToken): boolean {
  return tokenType.CATEGORIES!.includes(Infix);
}

export function isPrefix({ tokenType }: IToken): boolean {
  return tokenType.CATEGORIES!.includes(Prefix);
}

function refuseTooLarge(tokens: readonly IToken[]): void {
  let nodes = 0;
  let open = 0;
  let prefixes = 0;
  for (const [i, token] of tokens.entries()) {
    const { tokenType: type } = token;
    if (type === Open) open++;
    else if (type === Close) open--;
    else if (type === Quantity || type === Quoted || isInfix(token) || isPrefix(token)) nodes++;
    else if (type === Name && tokens[i + 1]?.tokenType !== Colon) nodes++;
    // `--x` nests as deeply as `-(-x)`.
    if (type === Open || valueEnds.has(type)) prefixes = 0;
    else if (isPrefix(token)) prefixes++;
    if (open + Math.max(0, prefixes - 1) > nestingMax) {
      const problem = `a formula is nested at most ${nestingMax} deep, this one goes deeper here: ${inParts}`;
      throw formulaFault(spanOf(token), problem, [`at most ${nestingMax} levels`]);
    }
    if (nodes > nodesMax) {
      const limit = `at most ${nodesMax} numbers, references, operators and calls`;
      const problem = `a formula has ${limit}, this one has more from here on: ${inParts}`;
      throw formulaFault(spanOf(token), problem, [limit]);
    }
  }
}
