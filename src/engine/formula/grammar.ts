import { EmbeddedActionsParser, EOF, type IToken, type ParserMethod } from 'chevrotain';
import { keyProblem } from '../key.ts';
import { assemble, type Operand, type SyntaxPart } from './assemble.ts';
import { formulaFault } from './fault.ts';
import { reservedWords } from './key.ts';
import { spanOf, tokensOf, valueExpected } from './lex.ts';
import { readQuantity } from './quantity.ts';
import { type ArgumentSyntax, type Span, type Syntax, spanning } from './syntax.ts';
import { Close, Colon, Comma, Infix, Name, Open, Prefix, Quantity, Quoted, tokenTypes } from './tokens.ts';
import { misplacedFault } from './unexpected-token.ts';

let parser: FormulaParser | undefined;

/** Parses a formula without resolving names. */
export function readSyntax(text: string): Syntax {
  const tokens = tokensOf(text);
  parser ??= new FormulaParser();
  return parser.read(text, tokens);
}

/**
 * The grammar without precedence: an expression is a sequence of operands and operators, which `assemble` turns into a
 * tree. So a parenthesis costs three stack frames instead of one per precedence level.
 */
class FormulaParser extends EmbeddedActionsParser {
  #text = '';

  constructor() {
    super(tokenTypes, { recoveryEnabled: false, maxLookahead: 2 });
    this.performSelfAnalysis();
  }

  read(text: string, tokens: IToken[]): Syntax {
    this.#text = text;
    this.input = tokens;
    const operand = this.expression();
    if (this.errors.length === 0) return operand.syntax;
    const { token } = this.errors[0];
    throw misplacedFault(tokens, token.tokenType === EOF ? tokens.length : tokens.indexOf(token), text);
  }

  readonly expression: ParserMethod<[], Operand> = this.RULE('expression', () => {
    const pieces: SyntaxPart[] = [];
    this.SUBRULE(this.signedOperand, { ARGS: [pieces] });
    this.MANY(() => {
      pieces.push(this.CONSUME(Infix));
      this.SUBRULE2(this.signedOperand, { ARGS: [pieces] });
    });
    return this.ACTION(() => assemble(pieces, this.#text));
  });

  readonly signedOperand: ParserMethod<[SyntaxPart[]], void> = this.RULE(
    'signedOperand',
    (pieces: SyntaxPart[] = []) => {
      this.MANY(() => {
        pieces.push(this.CONSUME(Prefix));
      });
      pieces.push(this.SUBRULE(this.operand));
    },
  );

  readonly operand: ParserMethod<[], Operand> = this.RULE('operand', () =>
    this.OR<Operand>([
      {
        ALT: () => {
          const token = this.CONSUME(Quantity);
          return this.ACTION(() => asWritten(readQuantity(token.image, spanOf(token), this.#text)));
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(Quoted);
          return this.ACTION(() => asWritten(quotedName(token)));
        },
      },
      { ALT: () => this.SUBRULE(this.call) },
      {
        ALT: () => {
          const token = this.CONSUME(Name);
          return this.ACTION(() => asWritten(bareName(token)));
        },
      },
      {
        ALT: () => {
          const open = this.CONSUME(Open);
          const { syntax } = this.SUBRULE(this.expression);
          const close = this.CONSUME(Close);
          return this.ACTION(() => ({ syntax, span: between(open, close) }));
        },
      },
    ]),
  );

  readonly call: ParserMethod<[], Operand> = this.RULE('call', () => {
    const given: ArgumentSyntax[] = [];
    const name = this.CONSUME(Name);
    this.CONSUME(Open);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () => {
        given.push(this.SUBRULE(this.argument));
      },
    });
    const close = this.CONSUME(Close);
    return this.ACTION(() => {
      const span = between(name, close);
      return asWritten({ kind: 'call', name: name.image, nameSpan: spanOf(name), arguments: given, span });
    });
  });

  readonly argument: ParserMethod<[], ArgumentSyntax> = this.RULE('argument', () => {
    let name: IToken | undefined;
    this.OPTION(() => {
      name = this.CONSUME(Name);
      this.CONSUME(Colon);
    });
    const { syntax: value } = this.SUBRULE(this.expression);
    return this.ACTION(() => (name ? { name: { text: name.image, span: spanOf(name) }, value } : { value }));
  });
}

function asWritten(syntax: Syntax): Operand {
  return { syntax, span: syntax.span };
}

function between(first: IToken, last: IToken): Span {
  return spanning(spanOf(first), spanOf(last));
}

function quotedName(token: IToken): Syntax {
  const key = token.image.slice(1, -1);
  const problem = keyProblem(key);
  if (problem !== undefined) throw formulaFault(spanOf(token), problem, ["a key, as in 'BTC/USDT'"]);
  return { kind: 'name', key, quoted: true, span: spanOf(token) };
}

function bareName(token: IToken): Syntax {
  const key = token.image;
  if (!reservedWords.has(key)) return { kind: 'name', key, quoted: false, span: spanOf(token) };
  const meant = key === 'if' ? 'if(condition, then, else)' : `a comparison, which gives 1 or 0`;
  const problem = `${key} is a word of the language: write ${meant}, or '${key}' for the series of that key`;
  throw formulaFault(
    spanOf(token),
    problem,
    valueExpected,
    key === 'if' ? [`'${key}'`] : [key === 'true' ? '1' : '0', `'${key}'`],
  );
}
