import type { Example, RowOperator, Runner, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Trail } from './trail.ts';
import { windowMemory, windowParameter } from './window.ts';

/**
 * Keeps the rows that can still become the extreme: only less extreme ones follow each. The minimum is the maximum of
 * the negated values.
 */
class Extreme implements Runner {
  readonly #byTime: boolean;
  readonly #length: number;
  readonly #sign: 1 | -1;
  readonly #held = new Trail();
  #seen = 0;

  constructor(window: Window, sign: 1 | -1) {
    this.#byTime = 'micros' in window;
    this.#length = 'micros' in window ? window.micros : window.points;
    this.#sign = sign;
  }

  run({ length: rows, t, columns: [x] }: Rows, out: Float64Array): void {
    const held = this.#held;
    const byTime = this.#byTime;
    const length = this.#length;
    const sign = this.#sign;
    const seen = this.#seen;
    let { position, value, head, tail } = held;
    for (let i = 0; i < rows; i++) {
      const now = byTime ? t[i] : seen + i;
      const height = sign * x[i];
      while (tail > head && value[tail - 1] <= height) tail--;
      if (tail === position.length) {
        held.head = head;
        held.tail = tail;
        held.makeRoom();
        ({ position, value, head, tail } = held);
      }
      position[tail] = now;
      value[tail++] = height;
      while (now - position[head] >= length) head++;
      out[i] = sign * value[head];
    }
    held.head = head;
    held.tail = tail;
    this.#seen = seen + rows;
    if (!byTime) out.fill(Number.NaN, 0, Math.min(rows, Math.max(0, length - 1 - seen)));
  }

  bytes(): number {
    return 50 + this.#held.bytes();
  }
}

function extreme(name: string, meaning: string, sign: 1 | -1, examples: readonly Example[]): RowOperator {
  return {
    kind: 'row',
    name,
    group: 'window',
    meaning,
    parameters: [{ name: 'x', type: 'series', meaning: 'What is looked at.' }, windowParameter()],
    warmUp: 'A window of time gives a point from the first value on; a window of n points from the n-th on.',
    missing: 'Before the n-th value, for a window of n points.',
    examples,
    memory: ({ window }) => windowMemory(window as Window),
    open: ({ window }) => new Extreme(window as Window, sign),
  };
}

const hilly = {
  X: [
    [0, 10],
    [1, 13],
    [2, 11],
    [3, 12],
    [6, 9],
  ],
} as const;

export const min = extreme('min', 'The least value in the window. (The least of several series is `least`.)', -1, [
  {
    formula: 'min(X, 2s)',
    inputs: hilly,
    output: [
      [0, 10],
      [1, 10],
      [2, 11],
      [3, 11],
      [6, 9],
    ],
  },
  {
    formula: 'min(X, 3p)',
    inputs: hilly,
    output: [
      [2, 10],
      [3, 11],
      [6, 9],
    ],
  },
]);

export const max = extreme(
  'max',
  'The greatest value in the window. (The greatest of several series is `greatest`.)',
  1,
  [
    {
      formula: 'max(X, 2s)',
      inputs: hilly,
      output: [
        [0, 10],
        [1, 13],
        [2, 13],
        [3, 12],
        [6, 9],
      ],
    },
    {
      formula: 'max(X, 3p)',
      inputs: hilly,
      output: [
        [2, 13],
        [3, 13],
        [6, 12],
      ],
    },
  ],
);
