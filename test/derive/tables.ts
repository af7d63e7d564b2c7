/**
 * Of every operator some formulas with it, over the series A, B and C, which have sizes now and then: alone, with each
 * kind of window and each variant of its parameters, and among others, before and behind what remembers otherwise. The
 * contract is run over each of them; an operator that has none fails.
 */

/** Over (t - W, t] and over points, of an input that is a join, a bucket, recursive, or a window itself. */
function windowed(name: string, rest = '', pointsMin = 1): string[] {
  const call = (x: string, window: string) => `${name}(${x}, ${window}${rest})`;
  return [
    call('A', '3s'),
    call('A', '500ms'),
    call('A', '1h'),
    call('A', `${pointsMin}p`),
    call('A', '5p'),
    call('A + B', '4p'),
    call('A + B', '6s'),
    call('ema(A, 3)', '2s'),
    call('close(A, 2s)', '3p'),
    `ema(${call('A', '3p')}, 2)`,
    `${call('A', '2s')} - ${call('B', '3p')}`,
    `close(${call('A', '3s')}, 4s)`,
  ];
}

function paired(name: string): string[] {
  return [
    `${name}(A, B, 3s)`,
    `${name}(A, B, 1h)`,
    `${name}(A, B, 2p)`,
    `${name}(A, B, 5p)`,
    `${name}(A, A, 3p)`,
    `${name}(A, 2 * A, 5s)`,
    `${name}(A - B, C, 4p)`,
    `${name}(mean(A, 2p), close(B, 2s), 6s)`,
    `ema(${name}(A, B, 3p), 2)`,
    `high(${name}(A, B, 3s), 4s)`,
  ];
}

/** `parameters` are those behind x. */
function recursive(name: string, ...parameters: string[]): string[] {
  const call = (x: string, given = parameters[0]) => `${name}(${x}${given})`;
  return [
    ...parameters.map((given) => call('A', given)),
    call('mean(A, 3p)'),
    call('A + B'),
    call('A - lag(A, 2s)'),
    call(call('A')),
    call(`mean(${call('A')}, 2p)`),
    call(`${call('A')} - ${call('B')}`),
    call(`lag(ema(A, 2), 2s) + ${call('C')} - mean(ema(${call('B')}, 2), 3s)`),
    `${call('A')} - ${call('B')}`,
    `mean(${call('A')}, 3s)`,
    `lag(${call('A')}, 2p)`,
    call('close(A, 2s)'),
    `close(${call('A')}, 3s)`,
    `${call('A')} + ${call('low(B, 4s)')}`,
    call('if(A > B, A)'),
  ];
}

function shifted(name: string): string[] {
  return [
    `${name}(A)`,
    `${name}(A, 1p)`,
    `${name}(A, 4p)`,
    `${name}(A, 500ms)`,
    `${name}(A, by: 3s)`,
    `${name}(A, 1h)`,
    `${name}(A + B, 2p)`,
    `${name}(A * B, 2s)`,
    `${name}(${name}(A, 2p), 3s)`,
    `mean(${name}(A, 2s), 3s)`,
    `ema(${name}(A, 2p), 3)`,
    `${name}(close(A, 2s), 1p)`,
    `close(${name}(A, 1s), 3s)`,
  ];
}

function infix(sign: string): string[] {
  return [
    `A ${sign} B`,
    `A ${sign} 2`,
    `3 ${sign} A`,
    `A ${sign} (B ${sign} C)`,
    `mean(A, 3p) ${sign} B`,
    `mean(A ${sign} B, 3s)`,
    `(ema(A, 2) ${sign} B) + close(C, 2s)`,
    `A ${sign} A`,
  ];
}

function bucketed(name: string): string[] {
  return [
    `${name}(A, 1s)`,
    `${name}(A, 3s)`,
    `${name}(A, 7s)`,
    `${name}(A, 1h)`,
    `${name}(A + B, 2s)`,
    `${name}(mean(A, 2s), 3s)`,
    `${name}(lag(A, 2p), 3s)`,
    `${name}(ema(A, 3), 2s)`,
    `${name}(${name}(A, 1s), 4s)`,
    `${name}(A, 2s) - ${name}(B, 3s)`,
    `A / ${name}(A, 4s)`,
    `ema(${name}(A, 2s), 3)`,
    `mean(${name}(A, 1s), 3p)`,
  ];
}

function joined(name: string): string[] {
  return [
    `${name}(A, B)`,
    `${name}(A, B, 1s)`,
    `${name}(A, B, max_age: 4s)`,
    `${name}(A, A, 1s)`,
    `${name}(A, 2, 2s)`,
    `${name}(mean(A, 3p), ema(B, 2), 3s)`,
    `${name}(close(A, 2s), B, 3s)`,
    `mean(${name}(A, B, 2s), 3p)`,
    `ema(${name}(A, ema(B, 2), 3s), 3)`,
    `close(${name}(A, B, 2s), 3s)`,
    `${name}(${name}(A, B, 1s), C, 5s)`,
    `lag(${name}(A, C, 2s), 2s) - ${name}(B, C)`,
  ];
}

function unary(name: string): string[] {
  return [`${name}(A)`, `${name}(A - B)`, `mean(${name}(A), 3s)`, `${name}(ema(A, 2))`, `${name}(close(A, 2s))`];
}

export const tables: Readonly<Record<string, readonly string[]>> = {
  '+': infix('+'),
  '-': [...infix('-'), '-A', '-(A - B)'],
  '*': infix('*'),
  '/': infix('/'),
  '^': [...infix('^'), 'A ^ 0.5', '2 ^ -A'],
  '<': infix('<'),
  '<=': infix('<='),
  '>': infix('>'),
  '>=': infix('>='),
  '==': infix('=='),
  '!=': infix('!='),
  and: [...infix('and'), 'A > B and B > C'],
  or: [...infix('or'), 'A > B or B > C'],
  not: ['not A', 'not (A > B)', 'mean(not (A > 1), 4p)', 'ema(not A, 3)'],
  if: [
    'if(A > B, A, B)',
    'if(A > B, A)',
    'if(A, B, C)',
    'if(A > mean(A, 3s), ema(A, 2), lag(A, 2p))',
    'ema(if(A > B, A, B), 3)',
    'mean(if(A > 0, A), 3p)',
    'if(close(A, 2s) > B, B)',
  ],
  least: ['least(A, B)', 'least(A, B, C, 2)', 'mean(least(A, 3), 3p)', 'least(close(A, 2s), B)', 'ema(least(A, B), 2)'],
  greatest: [
    'greatest(A, B)',
    'greatest(A, B, C, 2)',
    'mean(greatest(A, 3), 3s)',
    'greatest(ema(A, 2), B)',
    'ema(greatest(A, B), 2)',
  ],
  abs: unary('abs'),
  log: unary('log'),
  exp: unary('exp'),
  sqrt: unary('sqrt'),
  round: [...unary('round'), 'round(A, 2)', 'round(A / 3, digits: 4)'],
  clamp: ['clamp(A, -1, 2)', 'clamp(A, 0, 0)', 'mean(clamp(A - B, -2, 2), 3p)', 'clamp(ema(A, 3), 1, 65000)'],
  mean: windowed('mean'),
  sum: windowed('sum'),
  min: windowed('min'),
  max: windowed('max'),
  count: windowed('count'),
  var: windowed('var'),
  stddev: windowed('stddev'),
  var_samp: windowed('var_samp', '', 2),
  stddev_samp: windowed('stddev_samp', '', 2),
  median: windowed('median'),
  quantile: [...windowed('quantile', ', 0.25'), 'quantile(A, 4p, 0)', 'quantile(A, 3s, 1)', 'quantile(A, 5p, q: 0.9)'],
  zscore: windowed('zscore', '', 2),
  slope: windowed('slope', '', 2),
  first: windowed('first'),
  last: windowed('last'),
  vwap: [
    'vwap(A, 3s)',
    'vwap(A, 1h)',
    'vwap(A, 1p)',
    'vwap(A, 4p)',
    'vwap(A, 2s) - vwap(B, 2p)',
    'ema(vwap(A, 3p), 2)',
    'mean(vwap(A, 2s), 3s)',
    'close(vwap(A, 2s), 3s)',
    'A - vwap(A, 3s)',
  ],
  corr: paired('corr'),
  cov: paired('cov'),
  beta: paired('beta'),
  ema: [
    ...recursive('ema', ', 3', ', 1', ', span: 12.5', ', halflife: 2', ', halflife: 0.1', ', alpha: 0.3', ', alpha: 1'),
    'ema(A, 2) - ema(A, 5)',
    'ema(ema(A, 2) - ema(A, 5), 3)',
  ],
  wilder: recursive('wilder', ', 3', ', 1', ', 7', ', span: 20'),
  rsi: recursive('rsi', ', 3', ', 2', ', 7', ', span: 14'),
  cumsum: recursive('cumsum', ''),
  drawdown: recursive('drawdown', ''),
  runmax: recursive('runmax', ''),
  lag: shifted('lag'),
  delta: shifted('delta'),
  return: shifted('return'),
  logreturn: shifted('logreturn'),
  asof: [...joined('asof'), 'asof(2, A)'],
  fill: [...joined('fill'), 'fill(if(A > B, A), C)'],
  spread: joined('spread'),
  resample: [
    ...bucketed('resample'),
    ...['last', 'first', 'mean', 'sum', 'min', 'max', 'count'].flatMap((method) => [
      `resample(A, 3s, ${method})`,
      `ema(resample(A + B, 2s, method: ${method}), 2)`,
    ]),
  ],
  open: bucketed('open'),
  high: bucketed('high'),
  low: bucketed('low'),
  close: bucketed('close'),
  volume: [
    'volume(A, 1s)',
    'volume(A, 3s)',
    'volume(A, 1h)',
    'volume(A, 2s) / volume(B, 3s)',
    'ema(volume(A, 2s), 3)',
    'A * volume(A, 4s)',
  ],
  size: [
    'size(A)',
    'size(A) * A',
    'mean(size(A), 3s)',
    'sum(size(A) * A, 4p) / sum(size(A), 4p)',
    'ema(size(A), 2)',
    'high(size(A), 3s)',
    'cumsum(size(A) + size(B))',
  ],
};
