import { postgresBell } from '../src/bell/postgres.ts';
import { storeId } from '../src/store/store-id.ts';
import type { Deriving } from './deriving.ts';
import { randomOf, startMillis } from './points.ts';
import { pointAt, writeColumns } from './series.ts';

/** What hangs on each source: two windows of a minute, an EMA, an RSI and a difference; two of them on derived series. */
function formulasOf(source: string): readonly { readonly key: string; readonly formula: string }[] {
  return [
    { key: `${source}.MEAN`, formula: `mean(${source}, 1m)` },
    { key: `${source}.EMA`, formula: `ema(${source}, 12)` },
    { key: `${source}.RSI`, formula: `rsi(${source}, 14)` },
    { key: `${source}.GAP`, formula: `${source} - ${source}.MEAN` },
    { key: `${source}.NOISE`, formula: `stddev(${source}.GAP, 1m)` },
  ];
}

/** A source that ticks, and the definitions that hang on it. */
interface Ticker {
  readonly key: string;
  readonly definitions: readonly number[];
  cents: number;
}

export interface Live {
  readonly tickers: readonly Ticker[];
  /** How long it took to define them all, and until all answered; milliseconds. */
  readonly defined: number;
  readonly built: number;
  /** How many seconds it has ticked so far. */
  ticked: number;
  readonly random: () => number;
}

function write(
  store: Deriving,
  ticks: readonly { readonly key: string; readonly t: number; readonly value: number }[],
): Promise<number> {
  return writeColumns(
    store,
    ticks.map(({ key, t, value }) => ({ key, column: pointAt(t, value) })),
  );
}

/** So many sources with five derived series each; `meanwhile` is done when all are defined and before they are waited for. */
export async function openLive(
  store: Deriving,
  sources: number,
  meanwhile: () => Promise<unknown>,
  say: (line: string) => void,
): Promise<Live> {
  const keys = Array.from({ length: sources }, (_, i) => `L${i}`);
  await write(
    store,
    keys.map((key) => ({ key, t: (startMillis - 1000) * 1000, value: 65_000 })),
  );
  const started = performance.now();
  for (const [i, key] of keys.entries()) {
    const before = performance.now();
    for (const { key: derived, formula } of formulasOf(key)) await store.define(derived, formula);
    if ((i + 1) % Math.ceil(sources / 5) === 0)
      say(
        `  ${(i + 1) * 5} series defined after ${((performance.now() - started) / 1000).toFixed(1)} s, the last one in ${((performance.now() - before) / 5).toFixed(1)} ms`,
      );
  }
  const defined = performance.now() - started;
  await meanwhile();
  const building = performance.now();
  await store.built();
  const built = performance.now() - building;
  const rows = await store.database.query<{ key: string; definitions: number[] }>(
    `SELECT s.key, array_agg(d.id) AS definitions FROM definitions AS d JOIN series AS s ON s.id = ANY (d.sources)
     WHERE d.state = 'LIVE' AND s.key = ANY ($1) GROUP BY s.key`,
    [keys],
  );
  const tickers = rows.map((row) => ({ ...row, cents: 6_500_000 }));
  return { tickers, defined, built, ticked: 0, random: randomOf(7) };
}

export interface Pace {
  /** How many ticks go with one call; the calls are spread over the second. */
  readonly ticksPerCall: number;
  readonly samplesPerSecond: number;
}

export interface Flow {
  /** Of the sampled calls: from the call to all that hangs on its ticks, as a reader finds it. */
  readonly latencies: readonly number[];
  /** From the call to its answer: durably stored. */
  readonly stored: readonly number[];
  /** About once a second: the age of the oldest call that something does not yet reflect. */
  readonly lags: readonly number[];
}

interface Sample {
  readonly called: number;
  readonly definitions: readonly number[];
  /** undefined: not answered yet. */
  revision: number | undefined;
}

/** Not a part of a second: calls come at the same moments of each. */
const probeMillis = 1_030;
/** Announcements tell when to look; it is also looked this often. */
const lookMillis = 100;
const patienceMillis = 60_000;

/** Calls that nobody may have reflected yet, and where the lanes stand. */
class Watch {
  readonly #store: Deriving;
  readonly latencies: number[] = [];
  #open: Sample[] = [];
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(store: Deriving) {
    this.#store = store;
  }

  get isDone(): boolean {
    return this.#open.length === 0;
  }

  add(sample: Sample): void {
    this.#open.push(sample);
  }

  /** Looks which have been reflected; announcements that come meanwhile are looked at next. */
  look(derived = Number.POSITIVE_INFINITY): void {
    if (!this.#open.some(({ revision }) => revision !== undefined && revision <= derived)) return;
    this.#again = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = undefined;
    });
  }

  async #lookAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const open = this.#open.filter(({ revision }) => revision !== undefined);
      const bases = await readBases(
        this.#store,
        open.flatMap(({ definitions }) => definitions),
      );
      const now = performance.now();
      const done = new Set(open.filter((sample) => isReflected(sample, bases)));
      for (const { called } of done) this.latencies.push(now - called);
      this.#open = this.#open.filter((sample) => !done.has(sample));
    }
  }
}

async function readBases(store: Deriving, definitions: readonly number[]): Promise<Map<number, number>> {
  const [row] = await store.database.query<{ ids: number[] | null; bases: string[] | null }>(
    'SELECT array_agg(definition) AS ids, array_agg(basis) AS bases FROM lanes WHERE definition = ANY ($1::int[])',
    [definitions],
  );
  return new Map(row.ids?.map((id, i) => [id, Number(row.bases?.[i])]));
}

/** Each of its lanes is concerned by one of its ticks: they stand behind it only when they reflect it. */
function isReflected({ definitions, revision }: Sample, bases: ReadonlyMap<number, number>): boolean {
  return revision !== undefined && definitions.every((id) => (bases.get(id) ?? -1) >= revision);
}

/** Lets every source tick once a second, until that is over. */
export async function runLive(
  store: Deriving,
  live: Live,
  pace: Pace,
  isOver: (seconds: number) => boolean,
): Promise<Flow> {
  const { tickers } = live;
  const callsPerSecond = Math.ceil(tickers.length / pace.ticksPerCall);
  const everyCalls = Math.max(1, Math.round(callsPerSecond / pace.samplesPerSecond));
  const watch = new Watch(store);
  const stored: number[] = [];
  const lags: number[] = [];
  let unsettled: Sample[] = [];
  let failure: unknown;

  const call = (i: number) => {
    const first = (i % callsPerSecond) * pace.ticksPerCall;
    const now = tickers.slice(first, first + pace.ticksPerCall);
    const t = (startMillis + (live.ticked + Math.floor(i / callsPerSecond)) * 1000) * 1000;
    const ticks = now.map((ticker) => {
      ticker.cents = Math.max(100, ticker.cents + Math.round((live.random() - 0.5) * 400));
      return { key: ticker.key, t, value: ticker.cents / 100 };
    });
    const called = performance.now();
    const definitions = now.flatMap(({ definitions }) => definitions);
    const sample: Sample = { called, definitions, revision: undefined };
    unsettled.push(sample);
    if (i % everyCalls === 0) watch.add(sample);
    write(store, ticks).then(
      (revision) => {
        stored.push(performance.now() - called);
        sample.revision = revision;
        watch.look();
      },
      (error) => {
        failure ??= error;
      },
    );
  };

  const probe = async () => {
    const bases = await readBases(
      store,
      tickers.flatMap(({ definitions }) => definitions),
    );
    unsettled = unsettled.filter((sample) => !isReflected(sample, bases));
    lags.push(unsettled.length === 0 ? 0 : performance.now() - unsettled[0].called);
  };

  const bell = postgresBell(store.database.url, { storeId: await storeId(store.database), log: () => undefined });
  const listening = await bell.listen((notice) => {
    if (notice && 'derived' in notice) watch.look(notice.derived);
  });
  const looking = setInterval(() => watch.look(), lookMillis);
  const probing = setInterval(() => void probe().catch((error) => (failure ??= error)), probeMillis);
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let calls = 0;
  try {
    while (failure === undefined && (calls % callsPerSecond !== 0 || !isOver(seconds()))) {
      while (calls < seconds() * callsPerSecond) call(calls++);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    clearInterval(probing);
    const deadline = performance.now() + patienceMillis;
    while (failure === undefined && !watch.isDone) {
      if (performance.now() > deadline) throw new Error('derived series do not follow their sources');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } finally {
    clearInterval(probing);
    clearInterval(looking);
    await listening.stop();
    await bell.stop();
  }
  if (failure !== undefined) throw failure;
  live.ticked += Math.ceil(calls / callsPerSecond);
  return { latencies: watch.latencies, stored, lags };
}
