import type { IToken } from 'chevrotain';
import { formulaFault, shown } from './fault.ts';
import { spanOf } from './lex.ts';
import { infixes, level, operandLevels } from './precedence.ts';
import { type CallSyntax, type Span, type Syntax, spanning, textOf } from './syntax.ts';

/** A value and the text that it covers, including any parentheses. */
export interface Operand {
  readonly syntax: Syntax;
  readonly span: Span;
}

/** Operands and the operators before and between them, in the order of the text. */
export type SyntaxPart = Operand | IToken;

/** Gives each operator its operands, by the table of precedence. */
export function assemble(pieces: readonly SyntaxPart[], text: string): Operand {
  let at = 0;

  const operand = (least: number): Operand => {
    const piece = pieces[at++];
    if (!isToken(piece)) return piece;
    if (piece.image === '-') return negated(piece, operandUpTo(level.minus));
    const inner = operandUpTo(level.not);
    const whole = call(piece, [inner], spanning(spanOf(piece), inner.span));
    if (least <= level.not) return whole;
    const problem = 'not binds more loosely than what stands before it, so it needs parentheses';
    throw formulaFault(whole.span, problem, ['('], [`(${textOf(text, whole.span)})`]);
  };

  /** An operand, with all following operators that bind at least this tightly. */
  const operandUpTo = (least: number): Operand => {
    let left = operand(least);
    let lastRight: Operand | undefined;
    for (let token = pieces[at]; token !== undefined && isToken(token); token = pieces[at]) {
      const infix = infixes.get(token.image)!;
      if (infix.level < least) break;
      at++;
      const right = operandUpTo(operandLevels(infix).right);
      const whole = spanning(left.span, right.span);
      if (infix.groups === 'none' && lastRight) {
        const both = `${textOf(text, left.span)} and ${textOf(text, spanning(lastRight.span, right.span))}`;
        const problem = `comparisons do not stand in a row: write ${shown(both)}, or use parentheses`;
        throw formulaFault(whole, problem, ['and', 'or'], [both]);
      }
      left = call(token, [left, right], whole);
      lastRight = infix.groups === 'none' ? right : undefined;
    }
    return left;
  };

  return operandUpTo(level.or);
}

function isToken(piece: SyntaxPart): piece is IToken {
  return 'image' in piece;
}

function call(operator: IToken, operands: readonly Operand[], span: Span): Operand {
  const syntax: CallSyntax = {
    kind: 'call',
    name: operator.image,
    nameSpan: spanOf(operator),
    arguments: operands.map((each) => ({ value: each.syntax })),
    span,
  };
  return { syntax, span };
}

/** Negates a number (never -0); any other expression becomes 0 - x. */
function negated(minus: IToken, inner: Operand): Operand {
  const span = spanning(spanOf(minus), inner.span);
  if (inner.syntax.kind === 'number') return { syntax: { kind: 'number', value: 0 - inner.syntax.value, span }, span };
  const zero: Syntax = { kind: 'number', value: 0, span: spanOf(minus) };
  return call(minus, [{ syntax: zero, span: zero.span }, inner], span);
}
