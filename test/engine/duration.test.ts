import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/engine/duration.ts';
import { maxMicros } from '../../src/engine/instant.ts';

test.each([
  ['50us', 50],
  ['50µs', 50],
  ['250ms', 250_000],
  ['0.001ms', 1],
  ['90s', 90e6],
  ['0.1s', 100_000],
  ['1.005s', 1_005_000],
  ['5m', 300e6],
  ['24h', 86400e6],
  ['1.5h', 5400e6],
  ['7d', 7 * 86400e6],
  ['2w', 14 * 86400e6],
  ['PT24H', 86400e6],
  ['P1D', 86400e6],
  ['P2W', 14 * 86400e6],
  ['PT1M30S', 90e6],
  ['PT0.25S', 250_000],
  ['P1DT12H', 36 * 3600e6],
  ['P1W2DT3H4M5.000006S', 9 * 86400e6 + 3 * 3600e6 + 4 * 60e6 + 5_000_006],
  ['9007199254740991us', maxMicros],
])('%s is read', (text, micros) => {
  expect(parseDuration(text)).toBe(micros);
});

test.each([
  ['1mo', 'months and years have no length'],
  ['1M', 'months and years have no length'],
  ['2y', 'months and years have no length'],
  ['1 year', 'months and years have no length'],
  ['P1M', 'months and years have no length'],
  ['P1Y2M3DT4H', 'months and years have no length'],
  ['0s', 'longer than zero'],
  ['PT0S', 'longer than zero'],
  ['-5m', 'negative'],
  ['-PT5M', 'negative'],
  ['90', '90s'],
  ['1.5', 'no unit'],
  ['0.5us', 'whole number of microseconds'],
  ['0.0000001s', 'whole number of microseconds'],
  ['10ns', 'nanoseconds'],
  ['1h30m', 'several parts'],
  ['9007199254740992us', 'longer than all of time'],
  ['15000w', 'longer than all of time'],
  ['', 'is not a duration'],
  ['P', 'is not a duration'],
  ['PT', 'is not a duration'],
  ['P1DT', 'is not a duration'],
  ['PT1.5H30M', 'is not a duration'],
  ['5 m', 'is not a duration'],
  ['1e3s', 'is not a duration'],
  ['.5h', 'is not a duration'],
  ['constructor', 'is not a duration'],
])('%j is refused: %s', (text, reason) => {
  expect(parseDuration(text)).toEqual({ problem: expect.stringContaining(reason) });
});

test('a text that is much too long is refused in a few words', () => {
  for (const text of [`${'9'.repeat(100_000)}s`, '1h'.repeat(100_000), `P${'1'.repeat(100_000)}`]) {
    const { problem } = parseDuration(text) as { problem: string };
    expect(problem).toContain('is not a duration');
    expect(problem.length).toBeLessThan(150);
  }
});

test.each([
  [1, '1us'],
  [1500, '1500us'],
  [250_000, '250ms'],
  [90e6, '90s'],
  [5400e6, '90m'],
  [86400e6, '1d'],
  [36 * 3600e6, '36h'],
  [14 * 86400e6, '2w'],
])('%d microseconds are written %s', (micros, text) => {
  expect(formatDuration(micros)).toBe(text);
});

test('every duration reads back from its own text', () => {
  const unit = fc.constantFrom(1, 1000, 1e6, 60e6, 3600e6, 86400e6, 604800e6);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 14_000 }), unit, (n, u) => {
      expect(parseDuration(formatDuration(n * u))).toBe(n * u);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: maxMicros }), (n) => {
      expect(parseDuration(formatDuration(n))).toBe(n);
    }),
  );
});

test('seconds with six decimals are whole microseconds, whatever the digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: maxMicros }), (micros) => {
      const digits = String(micros).padStart(7, '0');
      const seconds = `${digits.slice(0, -6)}.${digits.slice(-6)}`;
      expect(parseDuration(`${seconds}s`)).toBe(micros);
      expect(parseDuration(`PT${seconds}S`)).toBe(micros);
    }),
  );
});
