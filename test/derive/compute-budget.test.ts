import { expect, it, test, vi } from 'vitest';
import { ComputeBudget, ComputeMeter } from '../../src/derive/compute-budget.ts';
import { computeRange } from '../../src/derive/evaluate.ts';
import { metered } from '../../src/derive/metered.ts';
import { Fault } from '../../src/engine/fault.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { everything } from './histories.ts';
import { MemorySource } from './memory.ts';

const second = 1_000_000;

/** A point a second. What it has given once is not read again, as in PointSource. */
class RampSource extends MemorySource {
  onAsked = () => {};
  #first = Number.POSITIVE_INFINITY;
  #end = Number.NEGATIVE_INFINITY;

  constructor(length: number, chunk = length) {
    const t = Float64Array.from({ length }, (_, i) => i * second);
    super({ t, value: t, size: undefined, revision: new Float64Array(length) }, chunk);
  }

  get pointsRead(): number {
    return Math.max(0, this.#end - this.#first);
  }

  override async chunk(from: number) {
    this.onAsked();
    const chunk = await super.chunk(from);
    const { t } = chunk.points;
    if (t.length > 0) {
      this.#first = Math.min(this.#first, t[0] / second);
      this.#end = Math.max(this.#end, t[t.length - 1] / second + 1);
    }
    return chunk;
  }
}

const refusal = (pointsMax: number) => new Fault('TOO_EXPENSIVE', `more than ${pointsMax}`);
const { signal } = new AbortController();

function compute(formula: string, source: RampSource, effort: ComputeMeter, range = everything) {
  return computeRange(
    planFormula(parseFormula(formula, operatorsByName)),
    metered(() => source, effort),
    range,
  );
}

test.each([
  ['A', 1],
  ['mean(A, 20p)', 1],
  ['ema(A, 12)', 1],
  ['A * 2 + 1', 2],
  ['abs(ema(A, 12) - ema(A, 26))', 4],
  ['close(A, 1h)', 1],
  ['close(abs(A), 1h)', 2],
])('over n points %s costs n times its operators, %i', async (formula, operators) => {
  const n = 10_000;
  // The points of buckets are points as well.
  const more = formula.startsWith('close') ? 10 : 0;
  const enough = new ComputeMeter({ budget: new ComputeBudget(n * operators + more), signal }, refusal);
  expect((await compute(formula, new RampSource(n), enough)).t.length).toBeGreaterThan(0);
  const tooLittle = new ComputeMeter({ budget: new ComputeBudget(n * operators - 1), signal }, refusal);
  await expect(compute(formula, new RampSource(n), tooLittle)).rejects.toThrow(`more than ${n * operators - 1}`);
});

it('a part of a long series costs what is read of it and computed on it', async () => {
  const n = 100_000;
  const effort = new ComputeMeter({ budget: new ComputeBudget(1_000), signal }, refusal);
  const range = { from: (n - 100) * second, to: everything.to };
  expect((await compute('mean(A * 2, 20p)', new RampSource(n, 200), effort, range)).t).toHaveLength(100);
});

it('what several computations cost comes out of one budget; when it is spent, none goes on', async () => {
  const budget = new ComputeBudget(25_000);
  const efforts = [0, 1, 2].map(() => new ComputeMeter({ budget, signal }, refusal));
  await compute('A + 1', new RampSource(10_000), efforts[0]);
  await compute('A + 1', new RampSource(10_000), efforts[1]);
  await expect(compute('A + 1', new RampSource(10_000), efforts[2])).rejects.toThrow('more than 25000');
  await expect(efforts[0].rest()).rejects.toThrow('more than 25000');
});

it('what proves slow is computed in smaller portions, and in larger ones again when it is not', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
  const effort = new ComputeMeter({ budget: new ComputeBudget(1e9), signal }, refusal);
  const portion = async (millis: number) => {
    effort.compute(1, 1);
    clock.mockReturnValue(clock() + millis);
    await effort.rest();
    return effort.pointsAtOnce(4);
  };
  const usual = effort.pointsAtOnce(4);
  const slow = [await portion(100), await portion(100)];
  expect(slow[0]).toBeLessThan(usual);
  expect(slow[1]).toBeLessThan(slow[0]);
  for (let i = 0; i < 100; i++) await portion(100);
  expect(effort.pointsAtOnce(4)).toBeGreaterThan(0);
  for (let i = 0; i < 100; i++) await portion(1);
  expect(effort.pointsAtOnce(4)).toBe(usual);
  clock.mockRestore();
});

it('when nobody waits any more, nothing more is read', async () => {
  const source = new RampSource(100_000, 100);
  const ending = new AbortController();
  let asked = 0;
  source.onAsked = () => {
    if (++asked === 10) ending.abort(new Error('gone'));
  };
  const effort = new ComputeMeter({ budget: new ComputeBudget(1_000_000), signal: ending.signal }, refusal);
  await expect(compute('mean(A, 20p)', source, effort)).rejects.toThrow('gone');
  expect(asked).toBe(10);
});

it('others get their turn while much is computed that was read at once', async () => {
  const ending = new AbortController();
  const effort = new ComputeMeter({ budget: new ComputeBudget(1e9), signal: ending.signal }, refusal);
  setImmediate(() => ending.abort(new Error('gone')));
  const formula = 'stddev(stddev(stddev(A, 1h), 1h), 1h)';
  await expect(compute(formula, new RampSource(300_000), effort)).rejects.toThrow('gone');
});
