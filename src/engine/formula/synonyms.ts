/** Names of other systems, by their name here. Names without an operator are left out of suggestions. */
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

/** A name without the differences of notation between systems: BB_Upper becomes bbupper. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[_.-]/g, '');
}

export function synonymsOf(name: string): readonly string[] {
  const plain = plainName(name);
  return Object.hasOwn(synonyms, plain) ? synonyms[plain] : [];
}

/** Words that are numbers in other languages, and keys of series here. */
export function isNoNumber(name: string): boolean {
  return /^(?:nan|inf|infinity|null|none|undefined)$/i.test(name);
}

/** Window operators and their counterparts over several values at one instant, which are easily confused. */
export const ofSeveralValues: ReadonlyMap<string, { readonly name: string; readonly gives: string }> = new Map([
  ['max', { name: 'greatest', gives: 'the larger of two values' }],
  ['min', { name: 'least', gives: 'the smaller of two values' }],
]);
