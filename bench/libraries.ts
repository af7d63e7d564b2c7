/**
 * Libraries that compute indicators in memory. None of them promises that a value is the same however it was come to:
 * their running sums depend on the path.
 */
export interface Library {
  readonly name: string;
  /** By the name of an operator; they give an array with a value for each point, or for each but the first ones. */
  readonly operators: Readonly<Record<string, (values: number[], span: number) => ArrayLike<unknown>>>;
}

type Incremental = new (span: number) => { update(value: number, replace: boolean): unknown };

function streamed(Indicator: Incremental) {
  return (values: number[], span: number) => {
    const indicator = new Indicator(span);
    const out = new Array(values.length);
    for (let i = 0; i < values.length; i++) out[i] = indicator.update(values[i], false);
    return out;
  };
}

export async function loadLibraries(): Promise<Library[]> {
  const signals = await import('trading-signals');
  const indicators = await import('indicatorts');
  const { IndicatorsSync } = await import('@ixjb94/indicators');
  const ixjb = new IndicatorsSync();
  return [
    {
      name: 'trading-signals',
      operators: {
        ema: streamed(signals.EMA),
        rsi: streamed(signals.RSI),
        mean: streamed(signals.SMA),
        stddev: streamed(signals.BollingerBands),
      },
    },
    {
      name: 'indicatorts',
      operators: {
        ema: (values, period) => indicators.ema(values, { period }),
        rsi: (values, period) => indicators.rsi(values, { period }),
        mean: (values, period) => indicators.sma(values, { period }),
        stddev: (values, period) => indicators.mstd(values, { period }),
        min: (values, period) => indicators.mmin(values, { period }),
        max: (values, period) => indicators.mmax(values, { period }),
        sum: (values, period) => indicators.msum(values, { period }),
      },
    },
    {
      name: '@ixjb94/indicators',
      operators: {
        ema: (values, period) => ixjb.ema(values, period),
        rsi: (values, period) => ixjb.rsi(values, period),
        mean: (values, period) => ixjb.sma(values, period),
        stddev: (values, period) => ixjb.stddev(values, period),
        min: (values, period) => ixjb.min(values, period),
        max: (values, period) => ixjb.max(values, period),
        sum: (values, period) => ixjb.sum(values, period),
      },
    },
  ];
}
