import type { Window } from '../operator.ts';
import type { SourceLocation } from './expression.ts';

/** A position with its offset in the whole text. */
export interface Span extends SourceLocation {
  readonly from: number;
}

/** A formula as parsed, before its operators are resolved. */
export type Syntax =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  /** `20p` or `60s`. */
  | { readonly kind: 'window'; readonly window: Window; readonly span: Span }
  /** A reference or a word: the parameter decides. */
  | { readonly kind: 'name'; readonly key: string; readonly quoted: boolean; readonly span: Span }
  /** Text that starts with a digit and is not a quantity. The parameter decides what was expected. */
  | MisreadSyntax
  | CallSyntax;

export interface MisreadSyntax {
  readonly kind: 'misread';
  readonly problem: string;
  /** The texts that were probably meant. */
  readonly instead: readonly string[];
  readonly span: Span;
}

export interface CallSyntax {
  readonly kind: 'call';
  readonly name: string;
  readonly nameSpan: Span;
  readonly arguments: readonly ArgumentSyntax[];
  readonly span: Span;
}

export interface ArgumentSyntax {
  readonly name?: { readonly text: string; readonly span: Span };
  readonly value: Syntax;
}

/** The span from the start of one to the end of the other. */
export function spanning(first: Span, last: Span): Span {
  return { ...first, length: last.from + last.length - first.from };
}

export function textOf(formula: string, { from, length }: Span): string {
  return formula.slice(from, from + length);
}

export function placeOf({ line, column, length }: Span): SourceLocation {
  return { line, column, length };
}

/** The position of a missing argument, with length 0. */
export function placeAt(text: string, from: number): SourceLocation {
  const lines = text.slice(0, from).split(/\n|\r\n?/);
  return { line: lines.length, column: lines.at(-1)!.length + 1, length: 0 };
}
