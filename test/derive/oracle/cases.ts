/**
 * What PostgreSQL says of the tables `a` and `b` (t in microseconds, value and size as numeric) and of `u`, the union of
 * their instants with each as last known (x and y): written from what the operators are to mean, in its own functions
 * where it has them for numeric, and by the book where it has them for double precision only.
 */
export interface Case {
  readonly formula: string;
  /** Gives t and value; a value that is null is no point. */
  readonly sql: string;
  /**
   * To what a difference is measured: to the value itself, however near to 0 it is; 'one': to 1 at least, where it is near
   * 0 only because 1 was subtracted from a quotient (or its logarithm taken), as these operators declare to be computed.
   */
  readonly scale?: 'one' | undefined;
}

type Window = { readonly text: string; readonly frame: string; readonly points: number };

const windows: readonly Window[] = [
  { text: '10s', frame: `RANGE BETWEEN ${10e6 - 1} PRECEDING AND CURRENT ROW`, points: 1 },
  { text: '1m', frame: `RANGE BETWEEN ${60e6 - 1} PRECEDING AND CURRENT ROW`, points: 1 },
  { text: '2p', frame: 'ROWS BETWEEN 1 PRECEDING AND CURRENT ROW', points: 2 },
  { text: '20p', frame: 'ROWS BETWEEN 19 PRECEDING AND CURRENT ROW', points: 20 },
];

/** `value` is an expression with aggregates over the window w. */
function windowed(call: (window: string) => string, from: string, value: string): Case[] {
  return windows.map(({ text, frame, points }) => ({
    formula: call(text),
    sql: `SELECT t, CASE WHEN count(*) OVER w >= ${points} THEN ${value} END AS value
          FROM ${from} WINDOW w AS (ORDER BY t ${frame})`,
  }));
}

const ofA = (name: string, value: string) => windowed((window) => `${name}(A, ${window})`, 'a', value);

/** n * (sum of p q) - (sum of p) (sum of q), over the window. */
const spread = (p: string, q: string) =>
  `(count(*) OVER w * sum(${p} * ${q}) OVER w - sum(${p}) OVER w * sum(${q}) OVER w)`;

/** The values of each window, in order; percentile_cont has no numeric. */
function quantiles(call: (window: string) => string, q: string): Case[] {
  const position = `((n - 1) * ${q}::numeric)`;
  const rank = `floor(${position})::int`;
  return windows.map(({ text, frame, points }) => ({
    formula: call(text),
    sql: `SELECT t, sorted[${rank} + 1] + (coalesce(sorted[${rank} + 2], 0) - sorted[${rank} + 1])
                    * (CASE WHEN ${rank} + 1 < n THEN ${position} - ${rank} ELSE 0 END) AS value
          FROM (SELECT t, n, (SELECT array_agg(each ORDER BY each) FROM unnest(list) each) AS sorted
                FROM (SELECT t, array_agg(value) OVER w AS list, count(*) OVER w AS n
                      FROM a WINDOW w AS (ORDER BY t ${frame})) listed
                WHERE n >= ${points}) ranked`,
  }));
}

const lagged = [
  { text: '1p', before: 'lag(value, 1) OVER (ORDER BY t)' },
  { text: '7p', before: 'lag(value, 7) OVER (ORDER BY t)' },
  { text: '3s', before: '(SELECT e.value FROM a e WHERE e.t <= a.t - 3000000 ORDER BY e.t DESC LIMIT 1)' },
];

function shifted(name: string, value: string, scale?: 'one'): Case[] {
  return lagged.map(({ text, before }) => ({
    formula: `${name}(A, ${text})`,
    sql: `SELECT t, ${value} AS value FROM (SELECT t, value, ${before} AS before FROM a) shifted`,
    scale,
  }));
}

/** Goes from row to row; each step is rounded to so many digits behind the point that it does not matter. */
function recursive(formula: string, first: string, seed: string, step: string): Case {
  return {
    formula,
    sql: `WITH RECURSIVE numbered AS (SELECT t, value, row_number() OVER (ORDER BY t) AS n FROM a),
          walked AS (SELECT t, n, (${seed})::numeric AS value FROM numbered WHERE n = ${first}
                     UNION ALL
                     SELECT x.t, x.n, round(${step}, 60) FROM walked JOIN numbered x ON x.n = walked.n + 1)
          SELECT t, value FROM walked`,
  };
}

const averaged = (formula: string, alpha: string): Case =>
  recursive(formula, '1', 'value', `walked.value + (${alpha}) * (x.value - walked.value)`);

function wilder(span: number): Case {
  const seed = `(SELECT avg(value) FROM numbered WHERE n <= ${span})`;
  const step = `walked.value + (x.value - walked.value) / ${span}::numeric(80, 60)`;
  return recursive(`wilder(A, ${span})`, String(span), seed, step);
}

function rsi(span: number): Case {
  const mean = (side: string) =>
    `(SELECT sum(${side}) FROM moved WHERE n BETWEEN 2 AND ${span + 1}) / ${span}::numeric(80, 60)`;
  const step = (side: string) => `round((walked.${side} * ${span - 1} + x.${side}) / ${span}::numeric(80, 60), 60)`;
  return {
    formula: `rsi(A, ${span})`,
    sql: `WITH RECURSIVE changes AS (SELECT t, row_number() OVER (ORDER BY t) AS n,
                                            value - lag(value) OVER (ORDER BY t) AS change FROM a),
          moved AS (SELECT t, n, greatest(change, 0) AS gain, greatest(-change, 0) AS loss FROM changes),
          walked AS (SELECT t, n, ${mean('gain')} AS gain, ${mean('loss')} AS loss FROM moved WHERE n = ${span + 1}
                     UNION ALL
                     SELECT x.t, x.n, ${step('gain')}, ${step('loss')} FROM walked JOIN moved x ON x.n = walked.n + 1)
          SELECT t, CASE WHEN loss = 0 THEN CASE WHEN gain > 0 THEN 100 END
                         ELSE 100 - 100 / (1 + gain / loss) END AS value FROM walked`,
  };
}

function bucketed(name: string, value: string, source = 'a'): Case[] {
  return [3e6, 7e6, 60e6].map((width) => ({
    formula: name.replace('W', `${width / 1e6}s`),
    sql: `SELECT (floor(t::numeric / ${width}) * ${width})::bigint AS t, ${value} AS value FROM ${source} GROUP BY 1`,
  }));
}

const ofU = (formula: string, value: string): Case => ({ formula, sql: `SELECT t, ${value} AS value FROM u` });
const each = (formula: string, value: string): Case => ({ formula, sql: `SELECT t, ${value} AS value FROM a` });

export const cases: readonly Case[] = [
  ...ofA('mean', 'avg(value) OVER w'),
  ...ofA('sum', 'sum(value) OVER w'),
  ...ofA('min', 'min(value) OVER w'),
  ...ofA('max', 'max(value) OVER w'),
  ...ofA('count', 'count(value) OVER w'),
  ...ofA('var', 'var_pop(value) OVER w'),
  ...ofA('stddev', 'stddev_pop(value) OVER w'),
  ...ofA('var_samp', 'var_samp(value) OVER w'),
  ...ofA('stddev_samp', 'stddev_samp(value) OVER w'),
  ...ofA('first', 'first_value(value) OVER w'),
  ...ofA('last', 'last_value(value) OVER w'),
  ...ofA('zscore', '(value - avg(value) OVER w) / nullif(stddev_pop(value) OVER w, 0)'),
  ...ofA('slope', `1000000 * ${spread('value', 't::numeric')} / nullif(${spread('t::numeric', 't::numeric')}, 0)`),
  ...windowed(
    (window) => `vwap(A, ${window})`,
    '(SELECT * FROM a WHERE size IS NOT NULL) a',
    'sum(value * size) OVER w / nullif(sum(size) OVER w, 0)',
  ),
  ...quantiles((window) => `median(A, ${window})`, '0.5'),
  ...quantiles((window) => `quantile(A, ${window}, 0.9)`, '0.9'),
  ...quantiles((window) => `quantile(A, ${window}, 0.25)`, '0.25'),
  ...windowed(
    (window) => `cov(A, B, ${window})`,
    'known',
    `CASE WHEN count(*) OVER w > 1 THEN ${spread('x', 'y')} / (count(*) OVER w ^ 2)::numeric END`,
  ),
  ...windowed((window) => `beta(A, B, ${window})`, 'known', `${spread('x', 'y')} / nullif(${spread('y', 'y')}, 0)`),
  ...windowed(
    (window) => `corr(A, B, ${window})`,
    'known',
    `${spread('x', 'y')} / nullif(sqrt(${spread('x', 'x')} * ${spread('y', 'y')}), 0)`,
  ),
  ...shifted('lag', 'before'),
  ...shifted('delta', 'value - before'),
  ...shifted('return', '(value - before) / nullif(before, 0)'),
  ...shifted('logreturn', 'CASE WHEN value * before > 0 THEN ln(value::numeric(100, 60) / before) END'),
  averaged('ema(A, 12)', '2 / 13::numeric(80, 60)'),
  averaged('ema(A, alpha: 0.25)', '0.25'),
  averaged('ema(A, halflife: 3)', '1 - power(2::numeric(80, 60), -1 / 3::numeric(80, 60))'),
  wilder(3),
  wilder(14),
  rsi(3),
  rsi(14),
  each('cumsum(A)', 'sum(value) OVER (ORDER BY t)'),
  each('runmax(A)', 'max(value) OVER (ORDER BY t)'),
  {
    formula: 'drawdown(A)',
    sql: `SELECT t, CASE WHEN top > 0 THEN (value - top) / top END AS value
          FROM (SELECT t, value, max(value) OVER (ORDER BY t) AS top FROM a) topped`,
  },
  ...bucketed('open(A, W)', '(array_agg(value ORDER BY t))[1]'),
  ...bucketed('close(A, W)', '(array_agg(value ORDER BY t DESC))[1]'),
  ...bucketed('high(A, W)', 'max(value)'),
  ...bucketed('low(A, W)', 'min(value)'),
  ...bucketed('resample(A, W)', '(array_agg(value ORDER BY t DESC))[1]'),
  ...bucketed('resample(A, W, first)', '(array_agg(value ORDER BY t))[1]'),
  ...bucketed('resample(A, W, min)', 'min(value)'),
  ...bucketed('resample(A, W, max)', 'max(value)'),
  ...bucketed('resample(A, W, mean)', 'avg(value)'),
  ...bucketed('resample(A, W, sum)', 'sum(value)'),
  ...bucketed('resample(A, W, count)', 'count(value)'),
  ...bucketed('volume(A, W)', 'sum(size)'),
  ...bucketed('high(A / B, W)', 'max(x / nullif(y, 0))', 'u'),
  ofU('A + B', 'x + y'),
  ofU('A - B', 'x - y'),
  ofU('A * B', 'x * y'),
  ofU('A / B', 'x / nullif(y, 0)'),
  ofU('A < B', '(x < y)::int'),
  ofU('A <= B', '(x <= y)::int'),
  ofU('A > B', '(x > y)::int'),
  ofU('A >= B', '(x >= y)::int'),
  ofU('A == B', '(x = y)::int'),
  ofU('A != B', '(x <> y)::int'),
  ofU('A <= B and A != 0', '(x <= y AND x <> 0)::int'),
  ofU('A > B or B != 0', 'CASE WHEN x + y IS NOT NULL THEN (x > y OR y <> 0)::int END'),
  each('not A', '(value = 0)::int'),
  ofU('if(A > B, A, B)', 'CASE WHEN x > y THEN x WHEN x <= y THEN y END'),
  ofU('least(A, B, 2)', 'CASE WHEN x + y IS NOT NULL THEN least(x, y, 2) END'),
  ofU('greatest(A, B, 2)', 'CASE WHEN x + y IS NOT NULL THEN greatest(x, y, 2) END'),
  ofU('spread(A, B, 2s)', 'CASE WHEN t - x_t <= 2000000 AND t - y_t <= 2000000 THEN x - y END'),
  ofU('fill(A, B, 2s)', 'CASE WHEN t - x_t <= 2000000 THEN x ELSE y END'),
  ofU('asof(A, B)', 'CASE WHEN t = y_t THEN x END'),
  ofU('asof(A, B, 2s)', 'CASE WHEN t = y_t AND t - x_t <= 2000000 THEN x END'),
  each('abs(A)', 'abs(value)'),
  each('round(A, 2)', 'round(value, 2)'),
  each('clamp(A, -1, 100)', 'least(greatest(value, -1), 100)'),
  each('sqrt(A)', 'CASE WHEN value >= 0 THEN sqrt(value) END'),
  each('log(A)', 'CASE WHEN value > 0 THEN ln(value) END'),
  each('exp(clamp(A, -20, 20))', 'exp(least(greatest(value, -20), 20))'),
  each('abs(A) ^ 1.5', 'CASE WHEN value = 0 THEN 0 ELSE power(abs(value), 1.5) END'),
  each('size(A)', 'size'),
];
