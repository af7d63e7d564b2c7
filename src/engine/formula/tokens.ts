import { createToken, Lexer, type TokenType } from 'chevrotain';
import { bareKeySource } from './key.ts';

// Chevrotain drops the flag u of a pattern; as a function it is kept.
function matcher(source: string) {
  const pattern = new RegExp(source, 'uy');
  return (text: string, offset: number): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    return pattern.exec(text);
  };
}

/** Stands between two values. */
export const Infix = createToken({ name: 'Infix', pattern: Lexer.NA });
/** Stands before a value. */
export const Prefix = createToken({ name: 'Prefix', pattern: Lexer.NA });

export const Name = createToken({ name: 'Name', pattern: matcher(bareKeySource), line_breaks: false });
export const Quoted = createToken({ name: 'Quoted', pattern: /'[^'\r\n]*'/ });

/** A number, or one with a unit. Takes in whatever clings to it, so that what is wrong with it is said of all of it. */
export const Quantity = createToken({
  name: 'Quantity',
  pattern: matcher(String.raw`(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[\p{L}\p{N}_.]*`),
  line_breaks: false,
});

export const Open = createToken({ name: 'Open', pattern: '(' });
export const Close = createToken({ name: 'Close', pattern: ')' });
export const Comma = createToken({ name: 'Comma', pattern: ',' });
export const Colon = createToken({ name: 'Colon', pattern: ':' });

export const Minus = createToken({ name: 'Minus', pattern: '-', categories: [Infix, Prefix] });
export const Not = createToken({ name: 'Not', pattern: /not/, longer_alt: Name, categories: Prefix });

const words = ['and', 'or'].map((word) =>
  createToken({ name: word, pattern: new RegExp(word), longer_alt: Name, categories: Infix }),
);

// What is written otherwise elsewhere (`**`, `<>`, `===`) is no token at all, so that a hint can be given.
const signs = [/<=(?!>)/, />=/, /==(?!=)/, /!=(?!=)/, /<(?!>)/, />/, /\+/, /\*(?!\*)/, /\//, /\^/].map((pattern) =>
  createToken({ name: pattern.source, pattern, categories: Infix }),
);

const Space = createToken({ name: 'Space', pattern: /\s+/, line_breaks: true, group: Lexer.SKIPPED });

/** In the order in which they are tried. */
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

/** A value can end with it. */
export const valueEnds: ReadonlySet<TokenType> = new Set([Name, Quoted, Quantity, Close]);
