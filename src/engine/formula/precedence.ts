/** How tightly an operator binds: a higher level binds tighter. The parser and the formatter share this table. */
export const level = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  sum: 5,
  product: 6,
  minus: 7,
  power: 8,
  /** Numbers, references, calls, parentheses. */
  atom: 9,
} as const;

export interface Infix {
  readonly level: number;
  /** The associativity of operators in a row; 'none' means that they cannot be chained. */
  readonly groups: 'left' | 'right' | 'none';
}

const comparison: Infix = { level: level.comparison, groups: 'none' };
const sum: Infix = { level: level.sum, groups: 'left' };
const product: Infix = { level: level.product, groups: 'left' };

export const infixes: ReadonlyMap<string, Infix> = new Map<string, Infix>([
  ['or', { level: level.or, groups: 'left' }],
  ['and', { level: level.and, groups: 'left' }],
  ['<', comparison],
  ['<=', comparison],
  ['>', comparison],
  ['>=', comparison],
  ['==', comparison],
  ['!=', comparison],
  ['+', sum],
  ['-', sum],
  ['*', product],
  ['/', product],
  ['^', { level: level.power, groups: 'right' }],
]);

/** For the operands of an infix operator, the lowest level that needs no parentheses. */
export function operandLevels({ level: own, groups }: Infix): { readonly left: number; readonly right: number } {
  // An exponent may have a sign: 2 ^ -1.
  if (groups === 'right') return { left: own + 1, right: level.minus };
  return { left: groups === 'left' ? own : own + 1, right: own + 1 };
}
