import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseDuration } from '../../src/engine/duration.ts';
import { calendarGrid } from '../../src/market/calendar.ts';
import { ingest, remove } from '../support/client.ts';
import { defineAt } from '../support/define.ts';
import { times } from '../support/long.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type CandleEvent, CandleFollower, type HeldCandles, type WhatCandles } from './candle-follower.ts';

const hour = 3_600_000;

/** Written to by one process, computed by a worker, followed on another. */
let writer: TestServer;
let reader: TestServer;

beforeAll(async () => {
  writer = await startServer();
  reader = await startServer({ databaseUrl: writer.databaseUrl });
  await writer.startWorker();
});
afterAll(async () => {
  await reader.stop();
  await writer.stop();
});

const define = (key: string, formula: string) => defineAt(writer.url, key, formula);

/** Around instants at which clocks are set: a day of 23 hours, one of 25, and one that starts at 01:00. */
const scenes = [
  { around: '2026-03-29T01:00:00Z', timeZone: 'Europe/Berlin' },
  { around: '2026-11-01T06:00:00Z', timeZone: 'America/New_York' },
  { around: '2026-04-24T22:00:00Z', timeZone: 'Africa/Cairo' },
  { around: '2026-01-05T00:00:00Z', timeZone: undefined },
];
const intervals = ['15m', '1h', '4h', '1d', '2d', '1w'];

const place = { at: fc.nat(96), count: fc.integer({ min: 1, max: 12 }) };
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      ...place,
      stride: fc.integer({ min: 1, max: 90 }),
      value: fc.nat(9),
      sized: fc.boolean(),
    }),
  },
  // Behind everything: candles become final without a tick of their own.
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('append' as const), hours: fc.nat(30), value: fc.nat(9) }),
  },
  // The last ticks: candles cease to be final.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut' as const), hours: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ...place }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('define' as const), window: fc.integer({ min: 1, max: 30 }) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Everything lies within so many hours of the start. */
const behindHours = 96;

class Writer {
  readonly #source: string;
  readonly #derived: string;
  readonly #start: number;
  /** Hours behind the start, of the last tick. */
  #end = behindHours;

  constructor(source: string, derived: string, start: number) {
    this.#source = source;
    this.#derived = derived;
    this.#start = start;
  }

  at(hours: number): number {
    return this.#start + hours * hour;
  }

  async write(change: Step): Promise<void> {
    const series = this.#source;
    if (change.kind === 'write') {
      const { at, count, stride, value, sized } = change;
      const size = sized ? { size: value } : {};
      const ticks = Array.from({ length: count }, (_, i) => ({
        series,
        t: Math.min(this.at(at) + i * stride * 60_000, this.at(behindHours)),
        value: value + (i % 3),
        ...size,
      }));
      await ingest(writer.url, ticks);
    } else if (change.kind === 'append') {
      this.#end += change.hours + 1;
      await ingest(writer.url, [{ series, t: this.at(this.#end), value: change.value }]);
    } else if (change.kind === 'cut') {
      this.#end = Math.max(behindHours, this.#end - change.hours);
      await remove(writer.url, { series, from: this.at(this.#end) + 1, to: this.at(10_000) });
    } else if (change.kind === 'delete') {
      await remove(writer.url, { series, from: this.at(change.at), to: this.at(change.at + change.count) });
    } else {
      await define(this.#derived, formulaOf(this.#source, change.window));
    }
  }
}

const formulaOf = (source: string, window: number) => `mean(${source}, ${window}h)`;

const ranges = [undefined, { from: 20.3, to: 70.7 }, { from: 31 }, { to: 60.5 }] as const;

/** Spans begin and end where candles do. */
function areWhole({ changes }: CandleEvent, { interval, timeZone = 'UTC' }: WhatCandles): void {
  const micros = parseDuration(interval);
  const grid = calendarGrid(typeof micros === 'number' ? micros : Number.NaN, timeZone);
  if ('problem' in grid) throw new Error(grid.problem);
  for (const { span } of changes)
    for (const bound of [span.from, span.to])
      if (bound !== null) expect(grid.startOf(grid.indexOf(bound * 1_000))).toBe(bound * 1_000);
}

/** Follows to a revision; what was held on the way, to come back with. */
async function followTo(what: WhatCandles, isOver: (cursor: number) => boolean, cutsWanted: number) {
  const follower = new CandleFollower(reader.url, what);
  const snapshot = await follower.next();
  expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', reason: null });
  areWhole(snapshot, what);
  await follower.compare();
  const saved: HeldCandles[] = [follower.holding()];
  let cuts = cutsWanted;
  while (!isOver(follower.cursor ?? 0)) {
    const event = await follower.next();
    expect(event.kind, event.reason ?? '').not.toBe('SNAPSHOT');
    areWhole(event, what);
    await follower.compare();
    saved.push(follower.holding());
    if (cuts-- > 0) {
      await follower.disconnect();
      expect((await follower.next()).kind, 'no snapshot on coming back').not.toBe('SNAPSHOT');
      await follower.compare();
    }
  }
  await follower.disconnect();
  return saved;
}

let runs = 0;

it('after every event the client holds the candles that a query at its cursor gives, of source and derived series, from whatever cursor', async () => {
  const told = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...scenes),
      fc.array(fc.constantFrom(...intervals), { minLength: 2, maxLength: 2 }),
      fc.constantFrom(...ranges),
      fc.array(step, { minLength: 8, maxLength: 16 }),
      fc.array(fc.nat(100), { minLength: 2, maxLength: 2 }),
      fc.nat(3),
      async ({ around, timeZone }, [ofSource, ofDerived], hours, steps, comeBacks, cuts) => {
        const run = ++runs;
        const source = `K${run}`;
        const derived = `K${run}-mean`;
        const start = Date.parse(around) - 48 * hour;
        const writing = new Writer(source, derived, start);
        await ingest(writer.url, [{ series: source, t: start, value: 0 }]);
        await define(derived, formulaOf(source, 2));
        const within = (at: number | undefined) => (at === undefined ? undefined : writing.at(at));
        const range = hours && {
          from: within('from' in hours ? hours.from : undefined),
          to: within('to' in hours ? hours.to : undefined),
        };
        const whats: WhatCandles[] = [
          { series: source, interval: ofSource, timeZone, range },
          { series: derived, interval: ofDerived, timeZone, range },
        ];
        let last = Number.POSITIVE_INFINITY;
        const following = Promise.all(whats.map((what) => followTo(what, (cursor) => cursor >= last, cuts)));
        following.catch(() => undefined);
        for (const change of steps) await writing.write(change);
        // Within every range, and other than all before: the last event has it.
        last = (await ingest(writer.url, [{ series: source, t: writing.at(50.5), value: 1_000_000 + run }])).revision;
        const saved = await following;
        for (const [i, what] of whats.entries()) {
          for (const which of comeBacks) {
            const follower = new CandleFollower(reader.url, what, saved[i][which % saved[i].length]);
            const { kind } = await follower.next();
            told.add(kind);
            expect(kind).not.toBe('SNAPSHOT');
            await follower.compare();
            await follower.disconnect();
          }
        }
      },
    ),
    { numRuns: 5 * times, endOnFailure: true },
  );
  expect(told).toContain('CHANGE');
});
