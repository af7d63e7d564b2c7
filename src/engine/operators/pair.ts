import { narrowed, product, quotient, root, widened } from '../exact/wide.ts';
import type { Example, RowOperator, Window } from '../operator.ts';
import { windowMemory, windowParameter } from './window.ts';
import { type PairForm, WindowPair } from './window-pair.ts';

function pair(
  name: string,
  meaning: string,
  missing: string,
  form: PairForm,
  examples: readonly Example[],
): RowOperator {
  return {
    kind: 'row',
    name,
    group: 'pair',
    meaning,
    parameters: [
      { name: 'x', type: 'series', meaning: 'The one series.' },
      { name: 'y', type: 'series', meaning: 'The other series.' },
      windowParameter(2),
    ],
    warmUp:
      'Rows stand wherever x or y has a point, from where both are known on, each as last known. A window of time gives ' +
      'a point from its second row on; a window of n points from the n-th on.',
    missing,
    examples,
    join: 'union',
    memory: ({ window }) => windowMemory(window as Window),
    open: ({ window }) => new WindowPair(window as Window, form),
  };
}

const corrForm: PairForm = {
  squares: { x: true, y: true },
  value(moments, n) {
    if (moments.condense()) {
      const xx = moments.spreadXX(n);
      const yy = moments.spreadYY(n);
      if (xx === 0 || yy === 0) return Number.NaN;
      const r = moments.spreadXY(n) / Math.sqrt(xx * yy);
      if (!Number.isNaN(r)) return Math.max(-1, Math.min(1, r));
    }
    const { xy, xx, yy } = moments.exactSpreads(n);
    if (xx.mantissa === 0 || yy.mantissa === 0) return Number.NaN;
    return Math.max(-1, Math.min(1, narrowed(quotient(xy, root(product(xx, yy))))));
  },
};

const covForm: PairForm = {
  squares: { x: false, y: false },
  value(moments, n) {
    const xy = moments.condense() ? moments.spreadXY(n) : Number.NaN;
    if (!Number.isNaN(xy)) return xy / (n * n);
    return narrowed(quotient(moments.exactSpreads(n).xy, widened(n * n)));
  },
};

const betaForm: PairForm = {
  squares: { x: false, y: true },
  value(moments, n) {
    if (moments.condense()) {
      const yy = moments.spreadYY(n);
      if (yy === 0) return Number.NaN;
      const ratio = moments.spreadXY(n) / yy;
      if (!Number.isNaN(ratio)) return ratio;
    }
    const { xy, yy } = moments.exactSpreads(n);
    return yy.mantissa === 0 ? Number.NaN : narrowed(quotient(xy, yy));
  },
};

const apart = {
  X: [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ],
  Y: [
    [1, 8],
    [2, 6],
    [3, 4],
  ],
} as const;

export const corr = pair(
  'corr',
  'The correlation of x and y over the rows of the window: with Dxy = n * (sum of x y) - (sum of x) (sum of y), and so ' +
    'Dxx and Dyy, each exact and rounded once, Dxy / sqrt(Dxx * Dyy), kept within -1 and 1.',
  'Where the window holds a single row, or x or y is the same in all of them; before the n-th row, for a window of n points.',
  corrForm,
  [
    {
      formula: 'corr(X, Y, 1m)',
      inputs: apart,
      output: [
        [2, -1],
        [3, -1],
      ],
    },
    {
      formula: 'corr(X, Y, 4p)',
      inputs: {
        X: [
          [0, 1],
          [1, 1],
          [2, 2],
          [3, 2],
        ],
        Y: [
          [0, 5],
          [1, 7],
          [2, 5],
          [3, 7],
        ],
      },
      output: [[3, 0]],
    },
  ],
);

export const cov = pair(
  'cov',
  'The population covariance of x and y over the n rows of the window: n * (sum of x y) - (sum of x) (sum of y), exact ' +
    'and rounded once, / n^2.',
  'Where the window holds a single row; before the n-th row, for a window of n points.',
  covForm,
  [
    {
      formula: 'cov(X, Y, 1m)',
      inputs: apart,
      output: [
        [2, -0.5],
        [3, -12 / 9],
      ],
    },
    {
      formula: 'cov(X, Y, 3p)',
      inputs: {
        X: [
          [0, 1],
          [2, 4],
        ],
        Y: [
          [0, 2],
          [1, 8],
        ],
      },
      output: [[2, 2]],
    },
  ],
);

export const beta = pair(
  'beta',
  'The slope of x against y over the n rows of the window, cov(x, y) / var(y): n * (sum of x y) - (sum of x) (sum of y) ' +
    'over n * (sum of y y) - (sum of y)^2, each exact and rounded once.',
  'Where the window holds a single row, or y is the same in all of them; before the n-th row, for a window of n points.',
  betaForm,
  [
    {
      formula: 'beta(X, Y, 2p)',
      inputs: apart,
      output: [
        [2, -0.5],
        [3, -0.5],
      ],
    },
  ],
);
