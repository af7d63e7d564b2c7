import type { Example, RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { byParameter, type Lagged, lagMemory, openLagged } from './lagged.ts';
import { finite, shareOf } from './pointwise.ts';

const severalSeries = (name: string): string =>
  `In \`0.5 * ${name}(A) + 0.5 * ${name}(B)\` each tick of B counts the last ${name} of A again, and each tick of A that of B. \`resample\` does not help: a bucket without ticks has no point, so the last ${name} counts again there. \`fill(A, A + B)\` helps: it repeats A at the ticks of B, where the ${name} of A is then 0. So \`0.5 * ${name}(fill(A, A + B)) + 0.5 * ${name}(fill(B, A + B))\` counts each ${name} once.`;

/** Replaces the previous value of x in `out` by the change. */
type Compare = (x: Float64Array, out: Float64Array, length: number) => void;

class Change implements Runner {
  readonly #lagged: Lagged;
  readonly #compare: Compare;

  constructor(by: Window, compare: Compare) {
    this.#lagged = openLagged(by);
    this.#compare = compare;
  }

  run(rows: Rows, out: Float64Array): void {
    this.#lagged.run(rows, out);
    this.#compare(rows.columns[0], out, rows.length);
  }

  bytes(): number {
    return this.#lagged.bytes();
  }
}

function change(
  told: Pick<RowOperator, 'name' | 'meaning' | 'missing' | 'examples' | 'notes'> & { readonly compare: Compare },
): RowOperator {
  const { compare, ...declared } = told;
  return {
    kind: 'row',
    group: 'shift',
    parameters: [{ name: 'x', type: 'series', meaning: 'What changes.' }, byParameter],
    warmUp: 'The first point stands where there is a value so far back.',
    ...declared,
    memory: ({ by }) => lagMemory(by as Window),
    counts: 'bothEnds',
    open: ({ by }) => new Change(by as Window, compare),
  };
}

export const delta = change({
  name: 'delta',
  meaning: 'By how much x has changed: x - lag(x, by).',
  missing: 'Where there was no value yet so far back, or the difference is too large for a double.',
  notes: [severalSeries('delta')],
  examples: [
    {
      formula: 'delta(X)',
      inputs: {
        X: [
          [0, 10],
          [1, 12.5],
          [2, 12.5],
          [3, 11],
        ],
      },
      output: [
        [1, 2.5],
        [2, 0],
        [3, -1.5],
      ],
    },
    {
      formula: 'delta(X, 2s)',
      inputs: {
        X: [
          [0, 10],
          [1, 12.5],
          [2.5, 12],
        ],
      },
      output: [[2.5, 2]],
    },
  ],
  compare(x, out, length) {
    for (let i = 0; i < length; i++) out[i] = finite(x[i] - out[i]);
  },
});

/** Two series that tick at different instants. */
const apart: Example['inputs'] = {
  X: [
    [0, 100],
    [2, 150],
  ],
  Y: [
    [0, 10],
    [1, 15],
    [3, 15],
  ],
};

export const relativeReturn = change({
  name: 'return',
  meaning: 'By what share of what it was x has changed: (x - lag(x, by)) / lag(x, by).',
  missing: 'Where there was no value yet so far back, where it was 0, or where the quotient is too large for a double.',
  notes: [severalSeries('return')],
  examples: [
    {
      formula: 'return(X)',
      inputs: {
        X: [
          [0, 100],
          [1, 150],
          [2, 75],
          [3, 0],
          [4, 10],
        ],
      },
      output: [
        [1, 0.5],
        [2, -0.5],
        [3, -1],
      ],
    },
    {
      formula: 'return(X, by: 2p)',
      inputs: {
        X: [
          [0, 100],
          [1, 150],
          [2, 125],
        ],
      },
      output: [[2, 0.25]],
    },
    {
      formula: '0.5 * return(X) + 0.5 * return(Y)',
      inputs: apart,
      output: [
        [2, 0.5],
        [3, 0.25],
      ],
    },
    {
      formula: '0.5 * return(fill(X, X + Y)) + 0.5 * return(fill(Y, X + Y))',
      inputs: apart,
      output: [
        [1, 0.25],
        [2, 0.25],
        [3, 0],
      ],
    },
  ],
  compare(x, out, length) {
    for (let i = 0; i < length; i++) out[i] = finite(shareOf(x[i], out[i]));
  },
});

export const logReturn = change({
  name: 'logreturn',
  meaning: 'The natural logarithm of how many times as much x is: log(x / lag(x, by)).',
  missing: 'Where there was no value yet so far back, or where the quotient is 0, negative or too large for a double.',
  notes: [
    'Near 1, that is where x is between half and twice its earlier value, the result is log1p((x - before) / before). That keeps the digits of small changes, which `log(A / lag(A))` loses; the two differ in the last digits.',
    severalSeries('logreturn'),
  ],
  examples: [
    {
      formula: 'logreturn(X)',
      inputs: {
        X: [
          [0, 100],
          [1, 100],
          [2, 200],
          [3, -50],
          [4, -50],
        ],
      },
      output: [
        [1, 0],
        [2, Math.LN2],
        [4, 0],
      ],
    },
  ],
  compare(x, out, length) {
    for (let i = 0; i < length; i++) {
      const times = x[i] / out[i];
      // Near 1, the quotient has lost digits that the difference still has.
      out[i] = finite(times > 0.5 && times < 2 ? Math.log1p(shareOf(x[i], out[i])) : Math.log(times));
    }
  },
});
