import type { Fault } from '../fault.ts';
import { keyProblem } from '../key.ts';
import type { SourceLocation } from './expression.ts';
import { formulaFault, shown } from './fault.ts';
import { bareKeySource, suggestedKey } from './key.ts';

interface Foreign {
  readonly sign: RegExp;
  readonly problem: string;
  readonly instead: readonly string[];
}

/** Notations of other languages and their counterpart here; the first match counts. */
const foreign: readonly Foreign[] = [
  { sign: /===?/y, problem: 'equality is written ==', instead: ['=='] },
  { sign: /!==/y, problem: 'inequality is written !=', instead: ['!='] },
  { sign: /<=?>|≠/y, problem: 'inequality is written !=', instead: ['!='] },
  { sign: /=<|≤/y, problem: 'at most is written <=', instead: ['<='] },
  { sign: /=>|≥/y, problem: 'at least is written >=', instead: ['>='] },
  { sign: /=/y, problem: '= is no operator: to compare, write ==', instead: ['=='] },
  { sign: /&&?|∧/y, problem: 'that both hold is written with the word and', instead: ['and'] },
  { sign: /\|\|?|∨/y, problem: 'that one of them holds is written with the word or', instead: ['or'] },
  { sign: /[!¬~]/y, problem: 'that it does not hold is written with the word not', instead: ['not'] },
  { sign: /\*\*/y, problem: 'a power is written ^', instead: ['^'] },
  { sign: /²/y, problem: 'a square is written ^ 2', instead: ['^ 2'] },
  { sign: /³/y, problem: 'a cube is written ^ 3', instead: ['^ 3'] },
  { sign: /%/y, problem: '% is no operator: a hundredth is written / 100', instead: ['/ 100'] },
  { sign: /[‐‑‒–—―−﹣－]/y, problem: 'this is a dash: the minus sign is -', instead: ['-'] },
  { sign: /[×·⋅∙•✕＊]/y, problem: 'multiplication is written *', instead: ['*'] },
  { sign: /[÷∕⁄]/y, problem: 'division is written /', instead: ['/'] },
  { sign: /√/y, problem: 'a square root is written sqrt(x)', instead: ['sqrt'] },
  { sign: /[[{]/y, problem: 'only round parentheses are used', instead: ['('] },
  { sign: /[\]}]/y, problem: 'only round parentheses are used', instead: [')'] },
  { sign: /;/y, problem: 'arguments are separated by commas', instead: [','] },
  { sign: /，/y, problem: 'arguments are separated by plain commas', instead: [','] },
  { sign: /\?/y, problem: 'there is no ? here: a choice is written if(condition, this, that)', instead: [] },
];

const otherQuotes = /["“”„‟«»`´‘’‚‛′″＇＂]/u;
const namedWithEquals = new RegExp(String.raw`[(,]\s*(${bareKeySource})\s*$`, 'u');
const clinging = /[^\s'"(),:+*/^<>=]+/uy;

/** The fault at a position where no token starts. */
export function strayFault(text: string, from: number, line: number, column: number): Fault {
  const place = (length: number): SourceLocation => ({ line, column, length });
  const character = String.fromCodePoint(text.codePointAt(from)!);
  if (character === "'") {
    const rest = /.*/uy;
    rest.lastIndex = from;
    return formulaFault(place(rest.exec(text)![0].length), 'this quote is never closed', ["'"]);
  }
  if (otherQuotes.test(character)) return quoteFault(text, from, place);
  if (character === '=' && text[from + 1] !== '=') {
    const name = namedWithEquals.exec(text.slice(0, from))?.[1];
    if (name !== undefined) {
      const message = `a named argument is written with a colon, ${shown(name)}: ..., and equality is written ==`;
      return formulaFault(place(1), message, [':', '=='], [':', '==']);
    }
  }
  for (const { sign, problem, instead } of foreign) {
    sign.lastIndex = from;
    const match = sign.exec(text);
    if (match)
      return formulaFault(place(match[0].length), problem, instead.length > 0 ? instead : ['an operator'], instead);
  }
  if (/[\p{C}\p{Z}]/u.test(character)) {
    const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return formulaFault(
      place(character.length),
      `an invisible character (U+${code}) stands here: leave it out`,
      ['a space'],
      [''],
    );
  }
  clinging.lastIndex = from;
  const word = clinging.exec(text)?.[0] ?? character;
  const problem = `${shown(character)} has no meaning here, but may stand in a key that is written in single quotes, as in 'BTC/USDT'`;
  return formulaFault(
    place(character.length),
    problem,
    ["a key, as in 'BTC/USDT'"],
    word.length > 1 ? suggestedKey(word) : [],
  );
}

function quoteFault(text: string, from: number, place: (length: number) => SourceLocation): Fault {
  const inside = /[\p{L}\p{N}\p{P}\p{S}]*?(?=["“”„‟«»`´‘’‚‛′″＇＂])/uy;
  inside.lastIndex = from + 1;
  const key = inside.exec(text)?.[0];
  const problem = "keys are written in plain single quotes, as in 'BTC/USDT'";
  if (!key || keyProblem(key) !== undefined) return formulaFault(place(1), problem, ["'"], ["'"]);
  return formulaFault(place(key.length + 2), problem, ["'"], [`'${key}'`]);
}
