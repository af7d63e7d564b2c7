import type { RunningServer } from './child.ts';
import type { Deriving } from './deriving.ts';
import { cpuMillis } from './machine.ts';
import { randomOf, startMillis } from './points.ts';
import { pointAt, writeColumns } from './series.ts';

/** A series that is appended to, one tick a second. */
export interface Appended {
  readonly key: string;
  readonly id: number;
  /** How many points it has. */
  points: number;
}

export interface Appends {
  /** From the call until all that hangs on it reflects it, per append; milliseconds. */
  readonly settled: number[];
  /** What the worker computed meanwhile. */
  readonly cpu: number[];
}

/** Behind a pass, the next one has to wait a little: an append comes when that is over. */
const pauseMillis = 15;

/**
 * Appends one tick after another, each when the one before is settled, to each series in turn: what else the machine does
 * falls on all of them.
 */
export async function appendInTurn(
  store: Deriving,
  worker: RunningServer,
  series: readonly Appended[],
  rounds: number,
  warmUp: number,
): Promise<Appends[]> {
  const random = randomOf(11);
  const results = series.map((): Appends => ({ settled: [], cpu: [] }));
  for (let round = 0; round < warmUp + rounds; round++) {
    for (const [i, each] of series.entries()) {
      await new Promise((resolve) => setTimeout(resolve, pauseMillis));
      const before = cpuMillis(worker.pid);
      const settled = await append(store, each, 60_000 + Math.round(random() * 100) / 100);
      const cpu = cpuMillis(worker.pid) - before;
      if (round < warmUp) continue;
      results[i].settled.push(settled);
      results[i].cpu.push(cpu);
    }
  }
  return results;
}

async function append(store: Deriving, series: Appended, value: number): Promise<number> {
  const t = (startMillis + series.points++ * 1000) * 1000;
  const started = performance.now();
  const revision = await writeColumns(store, [{ key: series.key, column: pointAt(t, value) }]);
  await store.reflected(series.id, revision);
  return performance.now() - started;
}
