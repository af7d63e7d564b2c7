import { openAudience } from '../audience.ts';
import { startProgram } from '../child.ts';
import { type Figure, limitFigure } from '../figure.ts';
import { quantile, rssMegabytes } from '../machine.ts';
import { wallMillis } from '../pace.ts';
import { startMillis } from '../points.ts';
import { pointAt, writeColumns } from '../series.ts';
import { openStore, type World } from '../world.ts';

const healthyCount = 1_000;
const stalledCount = 1_000;
const perSecond = 10;

/** Much of each point, so that a snapshot alone is more than the system takes for a client that reads nothing. */
const query = `subscription ($series: [String!]!) {
  changes(series: $series) { cursor changes { series points { t value } ${Array.from({ length: 60 }, (_, i) => `p${i}: points { value }`).join(' ')} } }
}`;

/** Of two thousand sockets a thousand read nothing: what the others notice of it, and what memory it takes. */
export async function stalled(world: World): Promise<Figure[]> {
  const url = await world.database();
  const program = await startProgram(world, url);
  const store = openStore(url);
  const count = 10_000;
  await writeColumns(store, [
    {
      key: 'S',
      column: {
        t: Float64Array.from({ length: count }, (_, i) => (startMillis + i) * 1000),
        value: Float64Array.from({ length: count }, (_, i) => 100 + i / 7),
        size: undefined,
      },
    },
  ]);
  const keysOf = (length: number) => Array.from({ length }, () => 'S');
  const healthy = await openAudience(world, program, keysOf(healthyCount), { query });
  const seconds = world.quick ? 10 : 20;
  const run = async () => {
    await healthy.latencies();
    const started = performance.now();
    for (let i = 0; i < seconds * perSecond; i++) {
      const due = started + (i * 1000) / perSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      await writeColumns(store, [{ key: 'S', column: pointAt(wallMillis() * 1000, i) }]);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    const latencies = await healthy.latencies();
    return { p99: quantile(latencies, 0.99), heard: latencies.length, rss: rssMegabytes(program.pid) };
  };
  await run();
  const before = await run();
  const others = await openAudience(world, program, keysOf(stalledCount), { query, stalled: true });
  const after = await run();
  world.say(`  alone: p99 ${before.p99.toFixed(1)} ms, ${before.rss.toFixed(0)} MB, ${before.heard} heard`);
  world.say(`  beside the stalled: p99 ${after.p99.toFixed(1)} ms, ${after.rss.toFixed(0)} MB, ${after.heard} heard`);
  await others.stop();
  await healthy.stop();
  await store.close();
  await program.stop();
  const name = `${stalledCount.toLocaleString('en')} stalled among ${(stalledCount + healthyCount).toLocaleString('en')} sockets`;
  return [
    limitFigure(`${name}: memory grows by`, 'MB', after.rss - before.rss, 100),
    limitFigure(`${name}: p99 of the others`, 'ms', after.p99, 250),
    limitFigure('p99 without them', 'ms', before.p99),
  ];
}
