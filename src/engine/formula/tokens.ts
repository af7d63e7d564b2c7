import { createToken, Lexer, type TokenType } from 'chevrotain';
import { bareKeySource } from './key.ts';

// Chevrotain drops the u flag of a pattern, but keeps it inside a function.
function matcher(source: string) {
  const pattern = new RegExp(source, 'uy');
  return (text: string, offset: number): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    return pattern.exec(text);
  };
}

/** A token between two values. */
export const Infix = createToken({ name: 'Infix', pattern: Lexer.NA });
/** A token before a value. */
export const Prefix = createToken({ name: 'Prefix', pattern: Lexer.NA });

export const Name = createToken({ name: 'Name', pattern: matcher(bareKeySource), line_breaks: false });
export const Quoted = createToken({ name: 'Quoted', pattern: /'[^'\r\n]*'/ });

/**
 * A number with or without a unit. It includes all adjoining characters, so that a message can quote the whole text.
 */
export const Quantity = createToken({
  name: 'Quantity',
  pattern: matcher(String.raw`(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[\p{L}\p{N}_.]*`),
  line_breaks: false,
});

export const Open = createToken({ name: 'Open', pattern: '(' });
export const Close = createToken({ name: 'Close', pattern: ')' });
export const Comma = createToken({ name: 'Comma', pattern: ',' });
export const Colon = createToken({ name: 'Colon', pattern: ':' });

const Minus = createToken({ name: 'Minus', pattern: '-', categories: [Infix, Prefix] });
const Not = createToken({ name: 'Not', pattern: /not/, longer_alt: Name, categories: Prefix });

const words = ['and', 'or'].map((word) =>
  createToken({ name: word, pattern: new RegExp(word), longer_alt: Name, categories: Infix }),
);

// Notations of other languages (`**`, `<>`, `===`) are not tokens, so that the fault can give a hint.
const signs = [/<=(?!>)/, />=/, /==(?!=)/, /!=(?!=)/, /<(?!>)/, />/, /\+/, /\*(?!\*)/, /\//, /\^/].map((pattern) =>
  createToken({ name: pattern.source, pattern, categories: Infix }),
);

const Space = createToken({ name: 'Space', pattern: /\s+/, line_breaks: true, group: Lexer.SKIPPED });

/** In the order in which the lexer tries them. */
export const tokenTypes: TokenType[] = [
  Infix,
  Prefix,
  Space,
  Open,
  Close,
  Comma,
  Colon,
  Minus,
  ...signs,
  Not,
  ...words,
  Quantity,
  Quoted,
  Name,
];

/** A token that can end a value. */
export const valueEnds: ReadonlySet<TokenType> = new Set([Name, Quoted, Quantity, Close]);
