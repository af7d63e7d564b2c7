import type { Stoppable } from '../bell/bell.ts';
import type { GivenColumn } from '../ingest/ingest.ts';
import type { App } from '../schema/app.ts';
import { readLasts } from '../store/last-points.ts';

const tickMillis = 1_000;
const dayMillis = 86_400_000;

/** Ticks of the history of all instruments together: more would make the first start slow. */
const historyTicksMax = 1_000_000;
/** Of one instrument: a tick every ten seconds. */
const historyTicksOfOneMax = 8_640;
const ticksPerCall = 250_000;

/** Standard deviation of the relative change in one second, that is about 6 % a day. */
const volatility = 0.0002;

const currencies = ['USD', 'EUR', 'BTC', 'ETH'];

/** The first instrument; two series are derived from it. */
export const demoKey = keyOf(0);

const derived = [
  { key: `${demoKey}.mean`, formula: `mean(${demoKey}, 1h)` },
  { key: `${demoKey}.trend`, formula: `mean(${demoKey}, 10m) - mean(${demoKey}, 1h)` },
];

function keyOf(i: number): string {
  const number = String(Math.floor(i / currencies.length) + 1).padStart(2, '0');
  return `SIM${number}-${currencies[i % currencies.length]}`;
}

/** mulberry32: numbers from 0 to 1 that a seed determines. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A random walk of prices that stays positive, with a size for each tick. */
class Instrument {
  readonly key: string;
  readonly #random: () => number;
  #price: number;

  constructor(i: number) {
    this.key = keyOf(i);
    this.#random = randomFrom(i + 1);
    this.#price = 10 ** (1 + this.#random() * 3);
  }

  continueFrom(price: number): void {
    this.#price = price;
  }

  /** The ticks at these instants, in microseconds, the next of which is `seconds` later. */
  column(t: Float64Array, seconds: number): GivenColumn {
    const value = t.map(() => this.#step(seconds));
    const size = t.map(() => Math.ceil(this.#random() * 100) / 10);
    return { series: this.key, column: { t, value, size }, index: (at) => at, bad: new Map() };
  }

  #step(seconds: number): number {
    // The sum of three has a deviation of 0.5.
    const change = (this.#random() + this.#random() + this.#random() - 1.5) * 2 * volatility * Math.sqrt(seconds);
    this.#price = Math.max(0.01, this.#price * (1 + change));
    return Number(this.#price.toFixed(this.#price < 100 ? 4 : 2));
  }
}

interface DemoOptions {
  readonly instruments: number;
  readonly pointsPerCallMax: number;
  readonly log: (line: string) => void;
}

type DemoApp = Pick<App, 'ingest' | 'definer' | 'catalogue' | 'database'>;

async function write({ ingest }: DemoApp, columns: readonly GivenColumn[]): Promise<void> {
  await ingest.ingest({ columns, createMissing: true, partial: false, note: null, idempotencyKey: null });
}

/** A day of ticks for each instrument whose series does not exist; the others continue from their last prices. */
async function prepare(app: DemoApp, instruments: readonly Instrument[], callTicksMax: number): Promise<void> {
  const rows = await app.catalogue.seriesByKeys([
    ...instruments.map(({ key }) => key),
    ...derived.map(({ key }) => key),
  ]);
  const ids = new Map(rows.map(({ key, id }) => [key, id]));
  const lasts =
    ids.size === 0 ? undefined : await readLasts(app.database, [...ids.values()], await app.catalogue.newestRevision());
  const fresh: Instrument[] = [];
  for (const instrument of instruments) {
    const id = ids.get(instrument.key);
    if (id === undefined) fresh.push(instrument);
    const last = id === undefined ? undefined : lasts?.get(id);
    if (last) instrument.continueFrom(last.value);
  }
  const count = Math.max(
    1,
    Math.min(historyTicksOfOneMax, callTicksMax, Math.floor(historyTicksMax / instruments.length)),
  );
  const stepMillis = dayMillis / count;
  const end = Math.floor(Date.now() / tickMillis) * tickMillis;
  const t = Float64Array.from(
    { length: count },
    (_, i) => Math.round((end - (count - i) * stepMillis) / tickMillis) * tickMillis * 1_000,
  );
  const together = Math.max(1, Math.floor(Math.min(ticksPerCall, callTicksMax) / count));
  for (let i = 0; i < fresh.length; i += together)
    await write(
      app,
      fresh.slice(i, i + together).map((instrument) => instrument.column(t, stepMillis / 1_000)),
    );
  for (const definition of derived) if (!ids.has(definition.key)) await app.definer.define(definition);
}

/** Simulated instruments with a day of history, two series derived from the first, and a tick a second until stopped. */
export async function startDemo(
  app: DemoApp,
  { instruments: count, pointsPerCallMax, log }: DemoOptions,
): Promise<Stoppable> {
  const instruments = Array.from({ length: count }, (_, i) => new Instrument(i));
  const failed = (error: unknown) => log(`demo: ${error instanceof Error ? error.message : String(error)}`);
  await prepare(app, instruments, pointsPerCallMax).catch(failed);
  let busy = false;
  const tick = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const t = Float64Array.of(Math.floor(Date.now() / tickMillis) * tickMillis * 1_000);
    const columns = instruments.map((instrument) => instrument.column(t, tickMillis / 1_000));
    await write(app, columns).catch(failed);
    busy = false;
  };
  const timer = setInterval(() => void tick(), tickMillis);
  void tick();
  return {
    stop: async () => {
      clearInterval(timer);
    },
  };
}
