import { gridForPoints } from '../engine/bucket.ts';
import { Tally } from '../engine/tally.ts';
import type { Values } from '../engine/values.ts';

/** The number of points after which other work gets its turn. */
const stretchPoints = 65_536;

/** From this number of points on, the first and the last point are included. */
const withEndsMin = 4;

/**
 * Thins points as samples(method: MINMAX) does: the lowest and the highest point of each bucket of an epoch-aligned
 * grid, at their own instants, and both ends. It awaits `rest` now and then.
 */
export async function thin(line: Values, most: number, rest: () => Promise<void>): Promise<Values> {
  const { length } = line.t;
  if (length <= most) return line;
  if (most === 1) return { t: line.t.slice(-1), value: line.value.slice(-1) };
  const withEnds = most >= withEndsMin;
  const grid = gridForPoints(line.t[0], line.t[length - 1] + 1, Math.floor((withEnds ? most - 2 : most) / 2));
  const t: number[] = [];
  const value: number[] = [];
  const add = (at: number, what: number) => {
    if (t.length > 0 && at <= t[t.length - 1]) return;
    t.push(at);
    value.push(what);
  };
  if (withEnds) add(line.t[0], line.value[0]);
  for (let i = 0; i < length; ) {
    const end = grid.startOf(grid.indexOf(line.t[i]) + 1);
    const tally = new Tally();
    for (; i < length && line.t[i] < end; i++) {
      if (i % stretchPoints === 0) await rest();
      tally.seeLow(line.t[i], line.value[i]);
      tally.seeHigh(line.t[i], line.value[i]);
    }
    const lowFirst = tally.minT <= tally.maxT;
    add(lowFirst ? tally.minT : tally.maxT, lowFirst ? tally.min : tally.max);
    add(lowFirst ? tally.maxT : tally.minT, lowFirst ? tally.max : tally.min);
  }
  if (withEnds) add(line.t[length - 1], line.value[length - 1]);
  return { t: Float64Array.from(t), value: Float64Array.from(value) };
}
