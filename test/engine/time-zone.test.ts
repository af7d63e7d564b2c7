import fc from 'fast-check';
import { expect, it } from 'vitest';
import { clockOf, isUtc, offsetPeriods } from '../../src/engine/time-zone.ts';
import { times } from '../support/long.ts';

const zones = Intl.supportedValuesOf('timeZone');
const daySeconds = 86_400;
const firstDay = Math.floor(Date.UTC(1900, 0) / 86_400e3);
const lastDay = Math.floor(Date.UTC(2037, 11) / 86_400e3);

/** Reads the offset from the words of another locale. */
function offsetOf(zone: string): (seconds: number) => number {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  return (seconds) => Date.parse(`${clock.format(seconds * 1000).replace(' ', 'T')}Z`) / 1000 - seconds;
}

it('periods of a zone follow each other, and its clocks show their offsets from the first to the last second', () => {
  const span = fc.record({
    zone: fc.constantFrom(...zones),
    day: fc.integer({ min: firstDay, max: lastDay }),
    days: fc.integer({ min: 0, max: 800 }),
  });
  fc.assert(
    fc.property(span, fc.integer({ min: 0, max: 86_399 }), ({ zone, day, days }, second) => {
      const clock = clockOf(zone);
      if (!clock) throw new Error(`no zone ${zone}`);
      const offsetAt = offsetOf(zone);
      const [from, to] = [day * daySeconds, (day + days) * daySeconds];
      const periods = offsetPeriods(clock, from, to);
      expect(periods[0].start).toBe(from);
      expect(periods.at(-1)?.end).toBe(Number.POSITIVE_INFINITY);
      for (const [i, { start, end, offset }] of periods.entries()) {
        if (i > 0) expect(start).toBe(periods[i - 1].end);
        const last = Math.min(end - 1, to);
        expect([offsetAt(start), offsetAt(last)]).toEqual([offset, offset]);
      }
      // A look a day, at an hour of its own.
      for (let at = from + second; at < to; at += daySeconds)
        expect(periods.find(({ end }) => at < end)?.offset).toBe(offsetAt(at));
    }),
    { numRuns: 100 * times },
  );
});

it('names of UTC are known, and zones that do not exist have no clock', () => {
  for (const name of ['UTC', 'z', 'Etc/GMT+0', 'zulu']) expect(isUtc(name)).toBe(true);
  expect(isUtc('Europe/London')).toBe(false);
  expect(clockOf('Mars/Olympus')).toBeUndefined();
});
