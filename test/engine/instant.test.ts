import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatInstant,
  instantMicros,
  instantProblem,
  maxMicros,
  minMicros,
  parseInstantText,
  parseMillis,
  toMillis,
} from '../../src/engine/instant.ts';

const anyMicros = fc.oneof(
  fc.integer({ min: minMicros, max: maxMicros }),
  fc.integer({ min: -2_000_000, max: 2_000_000 }),
  fc.integer({ min: -100_000, max: 130_000 }).map((days) => Math.max(minMicros, Math.min(maxMicros, days * 86400e6))),
);

const two = (n: number): string => String(n).padStart(2, '0');

/** Written by Date, which knows the calendar on its own, as the wall clock of an offset. */
function withOffset(micros: number, offsetMinutes: number, separator: string, digits: number): string {
  const ms = Math.floor(micros / 1000);
  const wall = new Date(ms + offsetMinutes * 60_000).toISOString();
  const fraction = `${wall.slice(20, 23)}${String(micros - ms * 1000).padStart(3, '0')}`.padEnd(digits, '0');
  const minutes = Math.abs(offsetMinutes);
  const offset = `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${wall.slice(0, 10)}${separator}${wall.slice(11, 19)}.${fraction}${offset}`;
}

describe('an instant as text', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-01-05T09:30:00Z', Date.UTC(2026, 0, 5, 9, 30) * 1000],
    ['2026-01-05t09:30:00z', Date.UTC(2026, 0, 5, 9, 30) * 1000],
    ['2026-01-05 09:30:00Z', Date.UTC(2026, 0, 5, 9, 30) * 1000],
    ['2026-01-05T09:30:00.000001Z', Date.UTC(2026, 0, 5, 9, 30) * 1000 + 1],
    ['2026-01-05T09:30:00.5Z', Date.UTC(2026, 0, 5, 9, 30) * 1000 + 500_000],
    ['2026-01-05T09:30:00.123456000Z', Date.UTC(2026, 0, 5, 9, 30) * 1000 + 123_456],
    ['2026-01-05T09:30:00+05:45', Date.UTC(2026, 0, 5, 3, 45) * 1000],
    ['2026-01-05T09:30:00-08:00', Date.UTC(2026, 0, 5, 17, 30) * 1000],
    ['2026-01-05T09:30:00.25-00:00', Date.UTC(2026, 0, 5, 9, 30) * 1000 + 250_000],
    ['2024-02-29T23:59:59.999999Z', Date.UTC(2024, 2, 1) * 1000 - 1],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29) * 1000],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['1684-07-28T00:12:25.259009Z', minMicros],
    ['2255-06-05T23:47:34.740991Z', maxMicros],
    ['2255-06-06T01:47:34.740991+02:00', maxMicros],
  ])('%s is read', (text, micros) => {
    expect(parseInstantText(text)).toBe(micros);
    expect(instantMicros(text)).toBe(micros);
  });

  test.each([
    ['', 'is not an RFC 3339 instant'],
    ['yesterday', 'is not an RFC 3339 instant'],
    ['1767605400000', 'number in a string'],
    ['1767605400000.5', 'number in a string'],
    ['2026-01-05', 'write 2026-01-05T00:00:00Z'],
    ['2026-01-05T09:30:00', 'add Z'],
    ['2026-01-05T09:30:00.123', 'add Z'],
    ['2026-01-05T09:30Z', 'no seconds'],
    ['2026-01-05T09:30:00+0200', 'such as +02:00'],
    ['2026-01-05T09:30:00+02', 'such as +02:00'],
    ['2026-01-05 09:30:00 UTC', 'such as +02:00'],
    ['2026-01-05T24:00:00Z', 'hour 24'],
    ['2016-12-31T23:59:60Z', 'leap seconds'],
    ['2026-01-05T25:00:00Z', 'time of day that does not exist'],
    ['2026-01-05T09:60:00Z', 'time of day that does not exist'],
    ['2026-02-30T00:00:00Z', 'a day that does not exist'],
    ['2026-02-29T00:00:00Z', 'a day that does not exist'],
    ['1900-02-29T00:00:00Z', 'a day that does not exist'],
    ['2026-04-31T00:00:00Z', 'a day that does not exist'],
    ['2026-00-10T00:00:00Z', 'a day that does not exist'],
    ['2026-13-10T00:00:00Z', 'a day that does not exist'],
    ['2026-01-00T00:00:00Z', 'a day that does not exist'],
    ['2026-01-05T09:30:00.0000001Z', 'finer than a microsecond'],
    ['2026-01-05T09:30:00.1234567+01:00', 'finer than a microsecond'],
    ['2026-01-05T09:30:00+24:00', 'offset that does not exist'],
    ['2026-01-05T09:30:00+02:60', 'is not an RFC 3339 instant'],
    ['2026-01-05T09:30:00.Z', 'is not an RFC 3339 instant'],
    ['2026-01-05T09:30:00Zulu', 'is not an RFC 3339 instant'],
    ['2026-01-05T09:30:00Z ', 'is not an RFC 3339 instant'],
    ['2026/01/05T09:30:00Z', 'is not an RFC 3339 instant'],
    ['2026-01-05T09.30.00Z', 'is not an RFC 3339 instant'],
    ['2026-1-5T09:30:00.000Z', 'is not an RFC 3339 instant'],
    ['1684-07-28T00:12:25.259008Z', 'out of range'],
    ['2255-06-05T23:47:34.740992Z', 'out of range'],
    ['2255-06-05T23:47:34.740991-00:01', 'out of range'],
    ['0000-01-01T00:00:00Z', 'out of range'],
    ['9999-12-31T23:59:59Z', 'out of range'],
  ])('%j is refused: %s', (text, reason) => {
    expect(parseInstantText(text)).toEqual({ problem: expect.stringContaining(reason) });
    expect(instantMicros(text)).toBeNaN();
    expect(instantProblem(text)).toContain(reason);
  });

  test('every instant reads back from its own text', () => {
    fc.assert(
      fc.property(anyMicros, (micros) => {
        expect(parseInstantText(formatInstant(micros))).toBe(micros);
      }),
    );
  });

  test('offset, separator and trailing zeros do not change the instant', () => {
    const offset = fc.integer({ min: -1439, max: 1439 });
    fc.assert(
      fc.property(
        anyMicros,
        offset,
        fc.constantFrom('T', 't', ' '),
        fc.integer({ min: 6, max: 12 }),
        (micros, o, s, n) => {
          expect(parseInstantText(withOffset(micros, o, s, n))).toBe(micros);
        },
      ),
    );
  });

  test('a character put in, taken out or exchanged is read as Date reads it, or refused', () => {
    const edit = fc.tuple(fc.nat(30), fc.nat(1), fc.constantFrom('', '0', '1', '9', ':', '-', '+', '.', 'Z', 'x', ' '));
    fc.assert(
      fc.property(anyMicros, edit, (micros, [at, drop, put]) => {
        const text = formatInstant(micros);
        const edited = text.slice(0, at) + put + text.slice(at + drop);
        const read = instantMicros(edited);
        if (!Number.isNaN(read)) expect(Math.floor(read / 1000)).toBe(Date.parse(edited.replace(' ', 'T')));
      }),
      { numRuns: 2000 },
    );
  });
});

test('the exact limits are said where an instant lies outside', () => {
  const limits = 'from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z';
  expect(instantProblem('1500-01-01T00:00:00Z')).toContain(limits);
  expect(instantProblem(9.1e12)).toContain(
    `${limits}, that is -9007199254740.99 to 9007199254740.99 in epoch milliseconds`,
  );
  expect(instantMicros(-9007199254740.99)).toBe(minMicros + 1);
});

describe('an instant as epoch milliseconds', () => {
  test.each([
    [1767605400000, 1767605400000000],
    [1767605400000.001, 1767605400000001],
    [-1e11, -1e14],
    [1e11, 1e14],
    [2 ** 43, 2 ** 43 * 1000],
    [9007199254740, 9007199254740000],
  ])('%d is read', (ms, micros) => {
    expect(parseMillis(ms)).toBe(micros);
    expect(instantMicros(ms)).toBe(micros);
  });

  test.each([
    [Number.NaN, 'not an instant'],
    [Number.POSITIVE_INFINITY, 'not an instant'],
    [0, 'looks like seconds'],
    [1767605400, 'looks like seconds'],
    [-99_999_999_999, 'looks like seconds'],
    [1767605400000000, 'looks like microseconds'],
    [1767605400000000000, 'looks like nanoseconds'],
    [9.1e12, 'out of range'],
    [-9.1e12, 'out of range'],
    [1e300, 'out of range'],
  ])('%d is refused: %s', (ms, reason) => {
    expect(parseMillis(ms)).toEqual({ problem: expect.stringContaining(reason) });
    expect(instantMicros(ms)).toBeNaN();
    expect(instantProblem(ms)).toContain(reason);
  });

  test('microseconds read back exactly from 1691 to 2248', () => {
    const exact = 2 ** 43 * 1000;
    const magnitude = fc.oneof(fc.integer({ min: 1e14, max: exact }), fc.integer({ min: exact - 1e6, max: exact }));
    fc.assert(
      fc.property(magnitude, fc.boolean(), (m, late) => {
        const micros = late ? m : -m;
        expect(parseMillis(toMillis(micros))).toBe(micros);
      }),
    );
  });
});

test.each([[null], [undefined], [true], [[]], [{}], [5n]])('%s is no instant', (input) => {
  expect(instantMicros(input)).toBeNaN();
  expect(instantProblem(input)).toContain('is not an instant');
});

test.each([
  [0, '1970-01-01T00:00:00Z'],
  [-1, '1969-12-31T23:59:59.999999Z'],
  [1767605400000000, '2026-01-05T09:30:00Z'],
  [1767605400000001, '2026-01-05T09:30:00.000001Z'],
  [1767605400250000, '2026-01-05T09:30:00.25Z'],
  [minMicros, '1684-07-28T00:12:25.259009Z'],
  [maxMicros, '2255-06-05T23:47:34.740991Z'],
])('%d is written %s', (micros, text) => {
  expect(formatInstant(micros)).toBe(text);
});

test('what is not an instant is not written', () => {
  expect(() => formatInstant(Number.NaN)).toThrow(RangeError);
  expect(() => formatInstant(0.5)).toThrow(RangeError);
  expect(() => formatInstant(2 ** 53)).toThrow(RangeError);
});
