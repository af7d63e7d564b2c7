import type { Profile } from './guess-roles.ts';
import { numberOfText } from './parse-number.ts';

/** Recognizes candles without a header. The column after the four prices may hold their volume. */
export interface CandleColumns {
  readonly close: Profile;
  readonly volume: Profile | undefined;
}

/** The price range of a candle is smaller than half of its price. */
const rangeMax = 0.5;

/**
 * True when the first columns are instant, open, high, low, close (Binance, Kraken) or instant, low, high, open, close
 * (Coinbase): in every row each price lies within the range, and prices both rise and fall.
 */
export function guessCandleColumns(profiles: readonly Profile[], t: Profile | undefined): CandleColumns | undefined {
  const first = t === undefined ? -1 : profiles.indexOf(t) + 1;
  const prices = profiles.slice(first, first + 4);
  const rows = t?.filled.length ?? 0;
  const whole = prices.every(({ short, numeric, filled }) => short === '' && numeric && filled.length === rows);
  if (first < 1 || prices.length < 4 || !whole) return undefined;
  const [one, two, three, close] = prices.map(numbersOf);
  const found = [
    { open: one, high: two, low: three },
    { open: three, high: two, low: one },
  ].find(({ open, high, low }) => {
    const fits = (i: number) =>
      high[i] >= Math.max(open[i], close[i]) &&
      low[i] <= Math.min(open[i], close[i]) &&
      high[i] - low[i] <= Math.abs(high[i]) * rangeMax;
    return (
      open.every((_, i) => fits(i)) &&
      open.some((price, i) => price < close[i]) &&
      open.some((price, i) => price > close[i])
    );
  });
  if (found === undefined) return undefined;
  const next = profiles[first + 4];
  const likeVolume = next?.numeric && next.short === '' && next.filled.length === rows;
  // A column whose values lie between low and high holds an average price, not a volume.
  const outside = likeVolume && numbersOf(next).some((size, i) => size < found.low[i] || size > found.high[i]);
  return { close: prices[3], volume: outside ? next : undefined };
}

function numbersOf({ filled }: Profile): number[] {
  return filled.map((text) => {
    const value = numberOfText(text, false);
    return Number.isNaN(value) ? numberOfText(text, true) : value;
  });
}
