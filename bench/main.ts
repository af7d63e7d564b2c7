import { backfill } from './benchmarks/backfill.ts';
import { backfillLive } from './benchmarks/backfill-live.ts';
import { chart } from './benchmarks/chart.ts';
import { correction } from './benchmarks/correction.ts';
import { liveDisk } from './benchmarks/disk.ts';
import { engine } from './benchmarks/engine.ts';
import { fanout } from './benchmarks/fanout.ts';
import { files } from './benchmarks/files.ts';
import { growth } from './benchmarks/growth.ts';
import { httpColumns, httpTicks } from './benchmarks/http-ingest.ts';
import { latency } from './benchmarks/latency.ts';
import { live } from './benchmarks/live.ts';
import { memory } from './benchmarks/memory.ts';
import { parsing, serveParsing } from './benchmarks/parsing.ts';
import { read } from './benchmarks/read.ts';
import { singleTicks } from './benchmarks/single-ticks.ts';
import { slowDisk } from './benchmarks/slow-disk.ts';
import { sockets } from './benchmarks/sockets.ts';
import { stalled } from './benchmarks/stalled.ts';
import { storeIngest } from './benchmarks/store-ingest.ts';
import { type Figure, table } from './figure.ts';
import { serveLoad } from './load.ts';
import { servePace } from './pace.ts';
import { serveBroadcast, serveFloor, serveMercurius, serveYoga } from './peers.ts';
import { serveSubscribers } from './subscribers.ts';
import { openWorld, type World } from './world.ts';

const usage = `npm run bench -- [names...] [--quick] [--profile folder]

Ratios of ours and a peer, measured in turn on an embedded PostgreSQL of its own. Names choose benchmarks by their
beginning or a part of it; --quick takes two minutes instead of nine; --profile writes CPU profiles of the program under test.`;

const benchmarks: Readonly<Record<string, (world: World) => Promise<Figure[]>>> = {
  'ingest-store': storeIngest,
  'ingest-columns': httpColumns,
  'ingest-ticks': httpTicks,
  'single-ticks': singleTicks,
  read,
  chart,
  memory,
  parsing,
  'live-disk': liveDisk,
  'slow-disk': slowDisk,
  engine,
  correction,
  backfill,
  live,
  growth,
  'backfill-live': backfillLive,
  fanout,
  latency,
  stalled,
  sockets,
  files,
};

const children: Readonly<Record<string, (...words: string[]) => void | Promise<void>>> = {
  load: serveLoad,
  yoga: serveYoga,
  mercurius: serveMercurius,
  broadcast: serveBroadcast,
  floor: serveFloor,
  pace: servePace,
  parsing: serveParsing,
  subscribers: serveSubscribers,
};

/** Something hangs if it has not ended by then. */
const millisMax = 20 * 60_000;

async function run(words: readonly string[]): Promise<number> {
  const quick = words.includes('--quick');
  const profileAt = words.indexOf('--profile');
  const profileDir = profileAt < 0 ? undefined : words[profileAt + 1];
  const names = words.filter((word, i) => !word.startsWith('--') && (profileAt < 0 || i !== profileAt + 1));
  const unknown = names.find((name) => !Object.keys(benchmarks).some((known) => known.includes(name)));
  if (unknown !== undefined || words.includes('--help')) {
    console.log(`${usage}\n\nBenchmarks: ${Object.keys(benchmarks).join(', ')}`);
    return unknown === undefined ? 0 : 2;
  }
  const chosen = Object.entries(benchmarks).filter(
    ([known]) =>
      names.length === 0 || names.some((name) => (name in benchmarks ? known === name : known.includes(name))),
  );
  const world = await openWorld({ quick, profileDir, say: (line) => console.log(line) });
  const stop = (code: number) => void world.close().finally(() => process.exit(code));
  process.once('SIGINT', () => stop(130));
  process.once('SIGTERM', () => stop(143));
  setTimeout(() => {
    console.error('not done after 20 minutes: given up');
    stop(1);
  }, millisMax).unref();

  const figures: Figure[] = [];
  let failed = false;
  try {
    for (const [name, measure] of chosen) {
      const started = performance.now();
      console.log(name);
      try {
        const measured = await measure(world);
        figures.push(...measured);
        console.log(table(measured).replace(/^/gm, '  '));
      } catch (error) {
        failed = true;
        console.error(`  failed: ${error instanceof Error ? error.stack : String(error)}`);
      }
      console.log(`  (${((performance.now() - started) / 1000).toFixed(0)} s)`);
    }
  } finally {
    await world.close();
  }
  console.log(`\n${table(figures)}`);
  return failed ? 1 : 0;
}

const [, , first, child = '', ...words] = process.argv;
if (first === '--child') await children[child](...words);
else process.exitCode = await run(process.argv.slice(2));
