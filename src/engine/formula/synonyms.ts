/** What other systems call it, by what it may be called here; names that no operator has are left out of suggestions. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  sma: ['mean'],
  ma: ['mean', 'ema'],
  avg: ['mean'],
  average: ['mean'],
  ewma: ['ema'],
  expma: ['ema'],
  smma: ['wilder', 'ema'],
  rma: ['wilder', 'ema'],
  total: ['sum'],
  rollingsum: ['sum'],
  std: ['stddev'],
  stdev: ['stddev'],
  standarddeviation: ['stddev'],
  sd: ['stddev'],
  sigma: ['stddev'],
  volatility: ['stddev'],
  var: ['variance'],
  z: ['zscore'],
  highest: ['max'],
  maximum: ['max', 'greatest'],
  rollingmax: ['max'],
  lowest: ['min'],
  minimum: ['min', 'least'],
  rollingmin: ['min'],
  larger: ['greatest'],
  smaller: ['least'],
  fmax: ['greatest'],
  fmin: ['least'],
  percentile: ['quantile'],
  correl: ['corr'],
  correlation: ['corr'],
  covariance: ['cov'],
  regression: ['slope'],
  linreg: ['slope'],
  vwma: ['vwap'],
  volume: ['size', 'sum'],
  ln: ['log'],
  log10: ['log'],
  pow: ['^'],
  power: ['^'],
  iff: ['if'],
  iif: ['if'],
  ifelse: ['if'],
  where: ['if'],
  shift: ['lag'],
  delay: ['lag'],
  offset: ['lag'],
  previous: ['lag'],
  prev: ['lag'],
  ref: ['lag'],
  change: ['delta', 'return'],
  diff: ['delta'],
  difference: ['delta'],
  momentum: ['delta'],
  roc: ['return'],
  pct: ['return'],
  pctchange: ['return'],
  percentchange: ['return'],
  logret: ['logreturn'],
  cumulative: ['cumsum'],
  running: ['cumsum'],
  cummax: ['runmax'],
  ath: ['runmax'],
  squareroot: ['sqrt'],
};

/** A name without what is written differently from system to system: BB_Upper is bbupper. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[_.-]/g, '');
}

export function synonymsOf(name: string): readonly string[] {
  const plain = plainName(name);
  return Object.hasOwn(synonyms, plain) ? synonyms[plain] : [];
}

/** What is a number elsewhere, and here the key of a series like any other. */
export function isNoNumber(name: string): boolean {
  return /^(?:nan|inf|infinity|null|none|undefined)$/i.test(name);
}

/** Over a window, and what takes the same of several values at one instant: easily mistaken for each other. */
export const ofSeveralValues: ReadonlyMap<string, { readonly name: string; readonly gives: string }> = new Map([
  ['max', { name: 'greatest', gives: 'the larger of two values' }],
  ['min', { name: 'least', gives: 'the smaller of two values' }],
]);
