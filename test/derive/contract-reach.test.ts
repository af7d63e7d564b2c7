import { describe, expect, test } from 'vitest';
import { checkpointPoints } from '../../src/derive/walk.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { everything } from './histories.ts';
import { type Counts, type Held, MemoryLane } from './memory.ts';

/** A tick a second. */
const length = 50_000;
const middle = (length / 2) * 1e6;
/** How many points are read at once: so many more than needed may be read, of each leaf. */
const chunk = 64;

/** Prices that do not rest: the same ones every time. */
function prices(): Held {
  let seed = 12_345;
  const held: Held = new Map();
  for (let i = 0; i < length; i++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    held.set(i * 1e6, { value: 65_000 + Math.round((seed / 2 ** 31) * 10_000) / 100, size: 1 + (i % 3) });
  }
  return held;
}

async function corrected(formula: string, value: number): Promise<{ other: Counts; same: Counts; lane: MemoryLane }> {
  const lane = new MemoryLane(planFormula(parseFormula(formula, operatorsByName)));
  const series = new Map([['A', prices()]]);
  await lane.bring(series, new Map([['A', [everything]]]), 4_096);
  const change = new Map([['A', [{ from: middle, to: middle + 1 }]]]);
  series.get('A')?.set(middle, { value, size: 2 });
  const other = await lane.bring(series, change, chunk);
  const same = await lane.bring(series, change, chunk);
  return { other, same, lane };
}

interface Bound {
  readonly formula: string;
  /** Without the chunk of each leaf in which the reading ends. */
  readonly read: number;
  readonly written: number;
}

const bounds: readonly (Bound & { readonly memory: string })[] = [
  { memory: 'pointwise: this point', formula: 'abs(A)', read: 1, written: 1 },
  { memory: 'pointwise: each input as last known, too', formula: 'A / size(A)', read: 2 * 3, written: 1 },
  { memory: 'time: a window before it and one behind', formula: 'mean(A, 60s)', read: 2 * 60 + 1, written: 60 },
  { memory: 'time: a large one', formula: 'stddev(A, 1h)', read: 2 * 3_600 + 1, written: 3_600 },
  // What lies before is counted first, then read.
  { memory: 'points: as many before it and behind', formula: 'mean(A, 100p)', read: 3 * 100 + 1, written: 100 },
  {
    memory: 'points of ticks with sizes',
    formula: 'vwap(A, 100p)',
    read: 2 * (3 * 100 + 1),
    written: 100,
  },
  { memory: 'points behind points', formula: 'mean(mean(A, 100p), 50p)', read: 3 * 151, written: 149 },
  { memory: 'as of: what lies between', formula: 'lag(A, 60s)', read: 2 * 60 + 3, written: 1 },
  { memory: 'as of, by points', formula: 'delta(A, 60p)', read: 3 * 61 + 1, written: 2 },
  { memory: 'a bucket: its own points', formula: 'close(A, 1h)', read: 3_600, written: 0 },
  { memory: 'a bucket of a window', formula: 'high(mean(A, 60s), 1m)', read: 3 * 60 + 60, written: 2 },
  {
    memory: 'forever: from the checkpoint before it to the first behind at which the state is the same',
    formula: 'ema(A, 12)',
    read: checkpointPoints,
    written: 200,
  },
  { memory: 'forever, when it takes longer', formula: 'ema(A, 200)', read: 2 * checkpointPoints, written: 3_000 },
  { memory: 'forever, of a window', formula: 'ema(mean(A, 60s), 12)', read: checkpointPoints + 60, written: 300 },
  { memory: 'a window of forever', formula: 'mean(ema(A, 12), 60s)', read: checkpointPoints + 61, written: 300 },
  {
    memory: 'forever of forever, with a join between: from the checkpoint before the checkpoint',
    formula: 'ema(ema(A, 12) - ema(A, 26), 9)',
    // The one before, and two behind: it takes longer than to the first.
    read: 3 * checkpointPoints + 2,
    written: 500,
  },
  { memory: 'forever, of buckets', formula: 'ema(close(A, 1m), 12)', read: 60, written: 0 },
];

describe('one correction in the middle of 50,000 points reads no more than can matter, and writes what differs', () => {
  test.each(bounds)('$memory: $formula', async ({ formula, read, written }) => {
    const { other, same, lane } = await corrected(formula, 65_020);
    const leaves = lane.plan.stages.reduce((sum, stage) => sum + stage.leaves.length, 0);
    expect(other.read).toBeLessThanOrEqual(read + leaves * chunk);
    expect(other.written).toBeLessThanOrEqual(written);
    expect(same.written).toBe(0);
    expect(same.read).toBeLessThanOrEqual(read + leaves * chunk);
  });

  test('what never forgets is followed to the end, and only from the checkpoint before the correction', async () => {
    const { other, same } = await corrected('cumsum(A)', 65_020);
    expect(other.written).toBe(length / 2);
    expect(other.read).toBeLessThanOrEqual(length / 2 + checkpointPoints);
    // Nothing differs: the state at the first checkpoint behind it shows it.
    expect(same).toEqual({ given: checkpointPoints, read: checkpointPoints, written: 0, appended: 0 });
  });

  test('a bucket whose value stays what it was wakes nothing behind it', async () => {
    const { other } = await corrected('ema(mean(close(A, 1m), 3p), 12)', 65_020);
    expect(other.read).toBeLessThanOrEqual(60 + chunk);
    expect(other.written).toBe(0);
  });
});

test('a tick behind the last one costs the same however long the history is', async () => {
  const lane = new MemoryLane(planFormula(parseFormula('mean(A, 1h) - ema(A, 12)', operatorsByName)), {
    keepsTails: true,
  });
  const series = new Map([['A', prices()]]);
  await lane.bring(series, new Map([['A', [everything]]]), 4_096);
  const t = length * 1e6;
  series.get('A')?.set(t, { value: 65_001, size: 1 });
  const counts = await lane.bring(series, new Map([['A', [{ from: t, to: t + 1 }]]]), chunk);
  expect(counts).toEqual({ given: 1, read: 0, written: 1, appended: 1 });
});
