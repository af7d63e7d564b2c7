import type { Window } from '../../../src/engine/operator.ts';
import { type Dyadic, over, round, squareRoot, times, toDouble, unitsOf, whole } from '../exact/oracle.ts';

/** The rows of one window, in whole numbers of 2^-1074 each; of time in microseconds. */
interface Held {
  readonly x: readonly bigint[];
  readonly y: readonly bigint[];
  readonly t: readonly bigint[];
}

const valueUnit = -1074;
const productUnit = -2148;

function total(xs: readonly bigint[]): bigint {
  return xs.reduce((sum, x) => sum + x, 0n);
}

/** n * (sum of a b) - (sum of a) (sum of b), as it is. */
function spread(a: readonly bigint[], b: readonly bigint[]): bigint {
  const products = a.reduce((sum, x, i) => sum + x * b[i], 0n);
  return BigInt(a.length) * products - total(a) * total(b);
}

function rounded(count: bigint, unit: number): Dyadic {
  return round(count, 1n, unit);
}

function within(r: number): number {
  return Math.max(-1, Math.min(1, r));
}

function varianceOf({ x }: Held, left: number): Dyadic {
  return over(rounded(spread(x, x), productUnit), whole(x.length * (x.length - left)));
}

/** What each operator gives for the rows in its window, by its definition; NaN: nothing. */
const oracles: Readonly<Record<string, (held: Held) => number>> = {
  sum: ({ x }) => toDouble(rounded(total(x), valueUnit)),
  mean({ x }) {
    const sum = toDouble(rounded(total(x), valueUnit));
    if (!Number.isNaN(sum)) return sum / x.length + 0;
    return toDouble(round(total(x), BigInt(x.length), valueUnit));
  },
  var: (held) => toDouble(varianceOf(held, 0)),
  var_samp: (held) => (held.x.length < 2 ? Number.NaN : toDouble(varianceOf(held, 1))),
  stddev: (held) => toDouble(squareRoot(varianceOf(held, 0))),
  stddev_samp: (held) => (held.x.length < 2 ? Number.NaN : toDouble(squareRoot(varianceOf(held, 1)))),
  zscore({ x }) {
    const xx = spread(x, x);
    if (xx === 0n) return Number.NaN;
    const offset = BigInt(x.length) * x[x.length - 1] - total(x);
    return toDouble(over(rounded(offset, valueUnit), squareRoot(rounded(xx, productUnit))));
  },
  slope({ x, t }) {
    const tt = spread(t, t);
    if (tt === 0n) return Number.NaN;
    return toDouble(over(times(rounded(spread(x, t), valueUnit), whole(1e6)), rounded(tt, 0)));
  },
  vwap({ x, y }) {
    const weight = total(y);
    if (weight === 0n) return Number.NaN;
    const products = x.reduce((sum, each, i) => sum + each * y[i], 0n);
    return toDouble(over(rounded(products, productUnit), rounded(weight, valueUnit)));
  },
  corr({ x, y }) {
    const xx = rounded(spread(x, x), productUnit);
    const yy = rounded(spread(y, y), productUnit);
    if (xx.count === 0n || yy.count === 0n) return Number.NaN;
    return within(toDouble(over(rounded(spread(x, y), productUnit), squareRoot(times(xx, yy)))));
  },
  cov: ({ x, y }) =>
    x.length < 2 ? Number.NaN : toDouble(over(rounded(spread(x, y), productUnit), whole(x.length ** 2))),
  beta({ x, y }) {
    const yy = rounded(spread(y, y), productUnit);
    return yy.count === 0n ? Number.NaN : toDouble(over(rounded(spread(x, y), productUnit), yy));
  },
};

/** An operator by the book: at each row its window is looked up anew. */
export function byTheBook(
  name: string,
  window: Window,
  t: Float64Array,
  x: Float64Array,
  y: Float64Array | undefined,
): Float64Array {
  const xs = Array.from(x, (v) => (Number.isNaN(v) ? undefined : unitsOf(v)));
  const ys = y === undefined ? xs : Array.from(y, (v) => (Number.isNaN(v) ? undefined : unitsOf(v)));
  const ts = Array.from(t, BigInt);
  const known = ts.map((_, i) => i).filter((i) => xs[i] !== undefined && ys[i] !== undefined);
  const out = new Float64Array(t.length).fill(Number.NaN);
  for (const [k, i] of known.entries()) {
    const rows =
      'points' in window
        ? known.slice(Math.max(0, k + 1 - window.points), k + 1)
        : known.slice(0, k + 1).filter((j) => ts[j] > ts[i] - BigInt(window.micros));
    if ('points' in window && rows.length < window.points) continue;
    const held = { x: rows.map((j) => xs[j]!), y: rows.map((j) => ys[j]!), t: rows.map((j) => ts[j]) };
    out[i] = oracles[name](held);
  }
  return out;
}
