import type { Example } from '../operator.ts';

/** A composition of several operators. The documentation shows it, and a test parses and runs each of its formulas. */
export interface Recipe {
  readonly title: string;
  readonly text: string;
  readonly formulas: readonly {
    readonly name: string;
    readonly formula: string;
    /** The lower-case name under which other systems offer it as an operator. */
    readonly called?: readonly string[];
  }[];
  /** Formulas that are 1 at every point, for any prices. */
  readonly holds: readonly string[];
  readonly example: Example;
}

const macdLine = 'ema(X, 12) - ema(X, 26)';
const macdSignal = `ema(${macdLine}, 9)`;
const bollinger = { upper: 'mean(X, 20p) + 2 * stddev(X, 20p)', lower: 'mean(X, 20p) - 2 * stddev(X, 20p)' };
const bollingerBands = ['bollinger', 'bollingerbands', 'bbands', 'bb'];
const lowest = 'min(low(X, 1h), 14p)';
const stochasticK = `100 * ((close(X, 1h) - ${lowest}) / (max(high(X, 1h), 14p) - ${lowest}))`;
const stochasticD = `mean(${stochasticK}, 3p)`;
const before = 'lag(close(X, 1h))';
const range = 'high(X, 1h) - low(X, 1h)';
/** The first bar has no close before it. */
const trueRange = `fill(greatest(${range}, abs(high(X, 1h) - ${before}), abs(low(X, 1h) - ${before})), ${range})`;
const vwapBands = { upper: 'vwap(X, 1h) + 2 * stddev(X, 1h)', lower: 'vwap(X, 1h) - 2 * stddev(X, 1h)' };
const dailyReturn = 'logreturn(close(X, 1d))';
const volatility = `sqrt(365 * var_samp(${dailyReturn}, 30p))`;
const sharpe = `365 * mean(${dailyReturn}, 30p) / ${volatility}`;
const spike = 'X > 3 * mean(X, 1h)';
const rank = '1 + (Y > X) + (Z > X)';
const filled = { X: 'fill(X, X + Y)', Y: 'fill(Y, X + Y)' };
const above = 'mean(X, 50p) > mean(X, 200p)';
const below = 'mean(X, 50p) < mean(X, 200p)';
const crosses = { up: `${above} and not lag(${above})`, down: `${below} and not lag(${below})` };

export const recipes: readonly Recipe[] = [
  {
    title: 'MACD',
    text: 'The distance of a quick average from a slow one, its own average as a signal, and how far it is from that. Each average starts at its first value. Other programs often start it with the mean of the first 12, 26 and 9 values, so their first points differ: see `ema`.',
    formulas: [
      { name: 'MACD', formula: macdLine, called: ['macd'] },
      { name: 'signal', formula: macdSignal, called: ['macd', 'macdsignal'] },
      { name: 'histogram', formula: `${macdLine} - ${macdSignal}`, called: ['macd', 'macdhist', 'macdhistogram'] },
    ],
    holds: [`(${macdLine} - ${macdSignal} > 0) == (${macdLine} > ${macdSignal})`],
    example: {
      formula: 'ema(X, 1) - ema(X, 3)',
      inputs: {
        X: [
          [0, 10],
          [1, 12],
          [2, 11],
        ],
      },
      output: [
        [0, 0],
        [1, 1],
        [2, 0],
      ],
    },
  },
  {
    title: 'Bollinger bands',
    text: 'Two population standard deviations around a mean; %b is 0 at the lower band and 1 at the upper one.',
    formulas: [
      { name: 'upper', formula: bollinger.upper, called: bollingerBands },
      { name: 'middle', formula: 'mean(X, 20p)', called: bollingerBands },
      { name: 'lower', formula: bollinger.lower, called: bollingerBands },
      { name: '%b', formula: 'zscore(X, 20p) / 4 + 0.5' },
      { name: 'width', formula: '4 * stddev(X, 20p) / mean(X, 20p)' },
    ],
    holds: [`${bollinger.lower} <= mean(X, 20p) and mean(X, 20p) <= ${bollinger.upper}`],
    example: {
      formula: 'mean(X, 5p) + 2 * stddev(X, 5p)',
      inputs: {
        X: [
          [0, 1],
          [1, 1],
          [2, 1],
          [3, 1],
          [4, 6],
        ],
      },
      output: [[4, 6]],
    },
  },
  {
    title: 'Stochastic oscillator',
    text: 'Where the last price of an hour lies between the lowest (0) and the highest (100) of 14 hours in which there were ticks.',
    formulas: [
      { name: '%K', formula: stochasticK, called: ['stochastic', 'stoch', 'stochk'] },
      { name: '%D', formula: stochasticD, called: ['stochastic', 'stoch', 'stochd'] },
    ],
    holds: [`${stochasticK} >= 0 and ${stochasticK} <= 100`, `${stochasticD} >= 0 and ${stochasticD} <= 100`],
    example: {
      formula: '100 * ((X - min(X, 3p)) / (max(X, 3p) - min(X, 3p)))',
      inputs: {
        X: [
          [0, 10],
          [1, 14],
          [2, 11],
          [3, 15],
          [4, 12],
        ],
      },
      output: [
        [2, 25],
        [3, 100],
        [4, 25],
      ],
    },
  },
  {
    title: 'Average true range',
    text: 'The range of an hour, or its farthest way from the close before if that is longer; and its average by Wilder. The first hour has no close before it: its true range is its range, as in published tables.',
    formulas: [
      { name: 'true range', formula: trueRange, called: ['truerange', 'tr'] },
      { name: 'ATR', formula: `wilder(${trueRange}, 14)`, called: ['atr', 'averagetruerange'] },
    ],
    holds: [`${trueRange} >= ${range}`, `wilder(${trueRange}, 14) >= 0`],
    example: {
      formula: trueRange.replaceAll('1h', '10s'),
      inputs: {
        X: [
          [0, 10],
          [4, 12],
          [10, 15],
          [14, 14],
          [20, 11],
          [24, 16],
        ],
      },
      output: [
        [0, 2],
        [10, 3],
        [20, 5],
      ],
    },
  },
  {
    title: 'VWAP bands',
    text: 'The volume-weighted average price of an hour, and two standard deviations of the prices around it.',
    formulas: [
      { name: 'upper', formula: vwapBands.upper },
      { name: 'VWAP', formula: 'vwap(X, 1h)' },
      { name: 'lower', formula: vwapBands.lower },
      { name: 'distance', formula: 'X - vwap(X, 1h)' },
    ],
    holds: [`${vwapBands.lower} <= vwap(X, 1h) and vwap(X, 1h) <= ${vwapBands.upper}`],
    example: {
      formula: 'X - vwap(X, 2s)',
      inputs: {
        X: [
          [0, 100, 3],
          [1, 102, 1],
          [2, 110, 0],
        ],
      },
      output: [
        [0, 0],
        [1, 1.5],
        [2, 8],
      ],
    },
  },
  {
    title: 'Volatility and Sharpe ratio',
    text: 'Of the daily logarithmic returns of 30 days with ticks, taken to a year of 365 days; without a risk-free rate.',
    formulas: [
      { name: 'volatility', formula: volatility },
      { name: 'Sharpe ratio', formula: sharpe, called: ['sharpe', 'sharperatio'] },
    ],
    holds: [`(${sharpe} > 0) == (mean(${dailyReturn}, 30p) > 0)`],
    example: {
      formula: 'mean(return(X), 2p) / stddev(return(X), 2p)',
      inputs: {
        X: [
          [0, 16],
          [1, 24],
          [2, 60],
        ],
      },
      output: [[2, 2]],
    },
  },
  {
    title: 'A pair and how far it is out of line',
    text: 'The difference of two series while both are fresh, in standard deviations from its mean; or of their logarithms, so that only the ratio counts.',
    formulas: [
      { name: 'spread', formula: 'zscore(spread(X, Y, 5m), 24h)' },
      { name: 'ratio', formula: 'zscore(log(X) - log(Y), 24h)' },
    ],
    // No value of 20 lies further out than sqrt(19) deviations.
    holds: ['abs(zscore(spread(X, Y, 5m), 20p)) < 4.36'],
    example: {
      formula: 'zscore(spread(X, Y, 5s), 5p)',
      inputs: {
        X: [
          [0, 11],
          [1, 12],
          [2, 13],
          [3, 14],
          [4, 20],
        ],
        Y: [
          [0, 10],
          [1, 11],
          [2, 12],
          [3, 13],
          [4, 14],
        ],
      },
      output: [[4, 2]],
    },
  },
  {
    title: 'Returns of several series',
    text: 'Half of each return, counted once, at the ticks of both. In `0.5 * return(X) + 0.5 * return(Y)` each tick of Y would count the last return of X again. `fill(X, X + Y)` repeats X at the ticks of Y, where its return is then 0.',
    formulas: [
      { name: 'return of both', formula: `0.5 * return(${filled.X}) + 0.5 * return(${filled.Y})` },
      { name: 'change of both', formula: `delta(${filled.X}) + delta(${filled.Y})` },
    ],
    holds: [`abs(delta(${filled.X}) + delta(${filled.Y}) - delta(X + Y)) <= 1e-9 * (abs(X) + abs(Y))`],
    example: {
      formula: `delta(${filled.X}) + delta(${filled.Y})`,
      inputs: {
        X: [
          [0, 100],
          [2, 150],
        ],
        Y: [
          [0, 10],
          [1, 15],
          [3, 15],
        ],
      },
      output: [
        [1, 5],
        [2, 50],
        [3, 0],
      ],
    },
  },
  {
    title: 'Rank',
    text: 'The rank of X among three series, 1 for the greatest: one more than the number of series that are greater. Equal values share a rank.',
    formulas: [
      { name: 'rank of X', formula: rank },
      { name: 'rank by return', formula: rank.replace(/[XYZ]/g, 'return($&, 1d)') },
      { name: 'X leads', formula: 'X >= greatest(Y, Z)' },
    ],
    holds: [`(${rank} == 1) == (X >= greatest(Y, Z))`, `${rank} >= 1 and ${rank} <= 3`],
    example: {
      formula: rank,
      inputs: {
        X: [
          [0, 5],
          [2, 8],
        ],
        Y: [
          [0, 7],
          [3, 8],
        ],
        Z: [
          [0, 6],
          [1, 4],
        ],
      },
      output: [
        [0, 3],
        [1, 2],
        [2, 1],
        [3, 1],
      ],
    },
  },
  {
    title: 'An alert',
    text: 'A point only where a value is more than three times the mean of its hour: subscribers receive an event only there. The mean contains the value itself, so with three positive values or fewer in the hour none is that far above it.',
    formulas: [
      { name: 'alert', formula: `if(${spike}, X)` },
      { name: '1 or 0', formula: spike },
      { name: 'only the first of several in a row', formula: `if((${spike}) and not lag(${spike}), X)` },
    ],
    holds: [`if(${spike}, ${spike})`],
    example: {
      formula: 'if(X > 3 * mean(X, 10s), X)',
      inputs: {
        X: [
          [0, 1],
          [1, 1],
          [2, 2],
          [3, 1],
          [4, 20],
          [5, 1],
        ],
      },
      output: [[4, 20]],
    },
  },
  {
    title: 'Crossovers',
    text: '1 where a quick average comes to lie above a slow one (or below), 0 at all other points. An alert is such a formula.',
    formulas: [
      { name: 'above', formula: above },
      { name: 'crosses upwards', formula: crosses.up, called: ['crossover', 'crossabove', 'crossup'] },
      { name: 'crosses downwards', formula: crosses.down, called: ['crossunder', 'crossbelow', 'crossdown'] },
    ],
    holds: [`not ((${crosses.up}) and (${crosses.down}))`],
    example: {
      formula: 'X > 10 and not lag(X > 10)',
      inputs: {
        X: [
          [0, 9],
          [1, 11],
          [2, 12],
          [3, 8],
          [4, 13],
        ],
      },
      output: [
        [1, 1],
        [2, 0],
        [3, 0],
        [4, 1],
      ],
    },
  },
  {
    title: 'Yesterday',
    text: 'What was known of the day before, at the start of each day: a bucket shifted by its width knows nothing of what comes later.',
    formulas: [
      { name: "yesterday's high", formula: 'lag(high(X, 1d), 1d)' },
      { name: 'breakout', formula: 'X > lag(high(X, 1d), 1d)' },
    ],
    holds: ['lag(high(X, 1d), 1d) >= lag(low(X, 1d), 1d)'],
    example: {
      formula: 'lag(high(X, 10s), 10s)',
      inputs: {
        X: [
          [0, 3],
          [4, 5],
          [9, 1],
          [10, 2],
          [31, 4],
        ],
      },
      output: [
        [10, 5],
        [30, 2],
      ],
    },
  },
];
