import { startWorker } from '../child.ts';
import { openDeriving } from '../deriving.ts';
import { type Figure, limitFigure } from '../figure.ts';
import { type Flow, openLive, runLive } from '../live.ts';
import { cpuMillis, flushMillis, quantile, watchMachine } from '../machine.ts';
import type { World } from '../world.ts';

const p50MillisMax = 25;
const lagMillisMax = 1_000;
const samplesPerSecond = 20;
/** Until everything is in memory and the first blocks are sealed. */
const warmUpSeconds = 10;

const restartSeconds = 30;

/** TIDEMARK_BENCH_LIVE_SECONDS makes it longer: what the aim says is ten minutes. */
function secondsOf({ quick }: World): number {
  const given = Number(process.env.TIDEMARK_BENCH_LIVE_SECONDS);
  return given > 0 ? given : quick ? 20 : 60;
}

function describe({ latencies, stored, lags }: Flow): string {
  const of = (values: readonly number[]) =>
    [0.5, 0.9, 0.99, 1].map((part) => quantile(values, part).toFixed(1)).join(' / ');
  return `p50 / p90 / p99 / most: settled ${of(latencies)} ms (${latencies.length} samples), stored ${of(stored)} ms, lag ${of(lags)} ms`;
}

/** A thousand sources that tick once a second with five derived series each, and a worker. */
export async function live(world: World): Promise<Figure[]> {
  const seconds = secondsOf(world);
  const sources = Number(process.env.TIDEMARK_BENCH_LIVE_SOURCES) || (world.quick ? 200 : 1_000);
  const url = await world.database();
  const store = await openDeriving(url);
  const flush = flushMillis(world.folder);
  let worker: { readonly pid: number; stop(): Promise<void> } | undefined;
  const start = async () => {
    worker = await startWorker(world, url);
  };
  const series = await openLive(store, sources, start, world.say);
  const name = `live, ${sources.toLocaleString('en')} sources, ${(sources * 5).toLocaleString('en')} derived`;
  const figures = [
    limitFigure(`${name}: to define them, one after another`, 's', series.defined / 1000),
    limitFigure(`${name}: until all answer then`, 's', series.built / 1000),
  ];
  world.say(
    `  defined in ${(series.defined / 1000).toFixed(1)} s, all answer after ${(series.built / 1000).toFixed(1)} s more; a flush takes ${flush.toFixed(2)} ms`,
  );
  const run = async (ticksPerCall: number, length: number) => {
    const machine = watchMachine();
    const before = cpuMillis(worker?.pid ?? 0);
    const started = performance.now();
    const flow = await runLive(store, series, { ticksPerCall, samplesPerSecond }, (now) => now >= length);
    const share = ((cpuMillis(worker?.pid ?? 0) - before) / (performance.now() - started)) * 100;
    world.say(`  ${ticksPerCall} ticks a call, ${length} s: ${describe(flow)}`);
    world.say(`    the worker takes ${share.toFixed(0)} % of a processor; ${machine()}`);
    return flow;
  };
  await run(20, warmUpSeconds);
  const singles = await run(1, seconds);
  figures.push(
    limitFigure(
      `${name}, ${seconds} s: a call of one tick to settled, p50`,
      'ms',
      quantile(singles.latencies, 0.5),
      p50MillisMax,
    ),
    limitFigure(`${name}: p99`, 'ms', quantile(singles.latencies, 0.99)),
    limitFigure(`${name}: age of what is not settled, at most`, 'ms', Math.max(...singles.lags), lagMillisMax),
  );
  const bursts = await run(20, Math.min(seconds, 20));
  figures.push(
    limitFigure(`${name}: a call of 20 ticks to settled, p50`, 'ms', quantile(bursts.latencies, 0.5), p50MillisMax),
    limitFigure(`${name}: p99`, 'ms', quantile(bursts.latencies, 0.99)),
    limitFigure('a flush of this disk (fdatasync of 8 KB)', 'ms', flush),
  );
  const [restarted] = await Promise.all([
    runLive(store, series, { ticksPerCall: 1, samplesPerSecond }, (now) => now >= restartSeconds),
    worker?.stop().then(start),
  ]);
  const late = restarted.lags.filter((lag) => lag > lagMillisMax).length;
  world.say(
    `  the worker is ended and another one started: ${describe(restarted)}; more than a second for some ${late} s`,
  );
  figures.push(limitFigure(`${name}, its worker ended and started anew: most lag`, 'ms', Math.max(...restarted.lags)));
  await worker?.stop();
  await store.close();
  return figures;
}
