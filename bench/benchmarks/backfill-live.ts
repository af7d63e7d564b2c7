import { startWorker } from '../child.ts';
import { openDeriving } from '../deriving.ts';
import { costFigure, type Figure, limitFigure } from '../figure.ts';
import { openLive, runLive } from '../live.ts';
import { cpuMillis, quantile, watchMachine } from '../machine.ts';
import { loadSeries } from '../series.ts';
import type { World } from '../world.ts';

const sources = 100;
const pace = { ticksPerCall: 5, samplesPerSecond: 20 };
const ratioMost = 2;

/** What is computed over the long series meanwhile, one after another as long as it is measured. */
const formulas = ['mean(LONG, 24h)', 'ema(LONG, 50)', 'stddev(LONG, 1h)', 'median(LONG, 1h)', 'LONG - lag(LONG, 1p)'];

/** The latency of live series with and without a backfill of other lanes over ten million points. */
export async function backfillLive(world: World): Promise<Figure[]> {
  const points = world.quick ? 1_000_000 : 10_000_000;
  const url = await world.database();
  const store = await openDeriving(url);
  const worker = await startWorker(world, url);
  await loadSeries(store, 'LONG', points, 5);
  await store.quiet();
  const live = await openLive(store, sources, async () => undefined, world.say);
  const seconds = world.quick ? 10 : 20;
  const flow = async (name: string, isOver: (now: number) => boolean) => {
    const machine = watchMachine();
    const before = cpuMillis(worker.pid);
    const started = performance.now();
    const { latencies, stored, lags } = await runLive(store, live, pace, isOver);
    const share = ((cpuMillis(worker.pid) - before) / (performance.now() - started)) * 100;
    const [p50, p99] = [0.5, 0.99].map((part) => quantile(latencies, part));
    world.say(
      `  ${name}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)}, most ${Math.max(...latencies).toFixed(0)} (${latencies.length} samples), stored p99 ${quantile(stored, 0.99).toFixed(1)}, lag at most ${Math.max(0, ...lags).toFixed(0)} ms; worker ${share.toFixed(0)} % of a processor; ${machine()}`,
    );
    return { p50, p99 };
  };
  await flow('to warm up', (now) => now >= 5);
  const pairs = { ours: [] as number[], peer: [] as number[] };
  const middle = { ours: [] as number[], peer: [] as number[] };
  for (const [round, formula] of formulas.entries()) {
    await store.quiet();
    const without = await flow('without', (now) => now >= seconds / 2);
    let isBuilt = false;
    await store.define(`LONG.${round}`, formula);
    const started = performance.now();
    const built = store.built().then(() => {
      isBuilt = true;
      return performance.now() - started;
    });
    const during = await flow(`while ${formula} is computed`, () => isBuilt);
    world.say(`  ${formula}: ${points / 1e6} M points in ${((await built) / 1000).toFixed(1)} s`);
    pairs.peer.push(without.p99);
    pairs.ours.push(during.p99);
    middle.peer.push(without.p50);
    middle.ours.push(during.p50);
  }
  await worker.stop();
  await store.close();
  return [
    costFigure(
      `live series during a backfill of ${points / 1e6} M points / without: p99 until settled`,
      'ms',
      pairs,
      ratioMost,
    ),
    costFigure('the same: p50', 'ms', middle),
    limitFigure('the same: p99 of the worst backfill', 'ms', Math.max(...pairs.ours)),
  ];
}
