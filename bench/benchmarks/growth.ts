import { type Appended, type Appends, appendInTurn } from '../appends.ts';
import { startWorker } from '../child.ts';
import { type Deriving, openDeriving } from '../deriving.ts';
import { costFigure, type Figure, median } from '../figure.ts';
import { watchMachine } from '../machine.ts';
import { loadSeries } from '../series.ts';
import type { World } from '../world.ts';

const growthMost = 1.3;
const dayMost = 2;
const warmUp = 10;

/** Under each history: windows, what remembers for ever, and one on another. */
const five = [
  { name: 'MEAN', formula: (source: string) => `mean(${source}, 1m)` },
  { name: 'HIGHEST', formula: (source: string) => `max(${source}, 1h)` },
  { name: 'EMA', formula: (source: string) => `ema(${source}, 12)` },
  { name: 'RSI', formula: (source: string) => `rsi(${source}, 14)` },
  { name: 'GAP', formula: (source: string) => `${source} - ${source}.MEAN` },
];

function windows(window: string) {
  return ['mean', 'stddev', 'min', 'max', 'median'].map((operator) => ({
    name: operator.toUpperCase(),
    formula: (source: string) => `${operator}(${source}, ${window})`,
  }));
}

interface Wanted {
  readonly key: string;
  readonly points: number;
  readonly derived: readonly { readonly name: string; readonly formula: (source: string) => string }[];
}

async function load(store: Deriving, { key, points, derived }: Wanted): Promise<Appended> {
  const id = await loadSeries(store, key, points, 3);
  for (const { name, formula } of derived) await store.define(`${key}.${name}`, formula(key));
  return { key, id, points };
}

function compare(name: string, ours: Appends, peer: Appends, most: number): Figure[] {
  const by = (what: keyof Appends) => ({ ours: ours[what], peer: peer[what] });
  return [
    costFigure(`${name}, until settled`, 'ms', by('settled'), most),
    costFigure(`${name}, worker's processor time`, 'ms', by('cpu'), most),
  ];
}

function describe({ settled, cpu }: Appends): string {
  return `settled in ${median(settled).toFixed(2)} ms, worker's processor time ${median(cpu).toFixed(2)} ms`;
}

async function measure(world: World, wanted: readonly Wanted[]): Promise<Appends[]> {
  const url = await world.database();
  const store = await openDeriving(url);
  const worker = await startWorker(world, url);
  const started = performance.now();
  const series: Appended[] = [];
  for (const each of wanted) series.push(await load(store, each));
  await store.built();
  await store.quiet();
  world.say(`  loaded and built in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const machine = watchMachine();
  const results = await appendInTurn(store, worker, series, world.quick ? 100 : 300, warmUp);
  for (const [i, { key, points }] of wanted.entries())
    world.say(`  ${key}, ${points.toLocaleString('en')} points of history: ${describe(results[i])}`);
  world.say(`  ${machine()}`);
  await worker.stop();
  await store.close();
  return results;
}

/** What one more tick costs, by how much there was before and by how far windows reach back. */
export async function growth(world: World): Promise<Figure[]> {
  const lengths = world.quick ? [10_000, 1_000_000] : [10_000, 1_000_000, 10_000_000];
  const grown = await measure(
    world,
    lengths.map((points) => ({ key: `H${points}`, points, derived: five })),
  );
  const figures = lengths
    .slice(1)
    .flatMap((points, i) =>
      compare(`an append behind ${points / 1e6} M points / behind 10,000`, grown[i + 1], grown[0], growthMost),
    );
  const points = 200_000;
  const [minute, day] = await measure(world, [
    { key: 'MINUTE', points, derived: windows('60s') },
    { key: 'DAY', points, derived: windows('24h') },
  ]);
  return [...figures, ...compare('an append under five windows of 24 h / of 60 s', day, minute, dayMost)];
}
