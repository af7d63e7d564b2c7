import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantMicros, maxMicros, minMicros } from '../../../src/engine/instant.ts';
import type { TimeFormat } from '../../../src/imports/import-plan.ts';
import { instantParserFor } from '../../../src/imports/text/choose-instant-parser.ts';
import { instantTextProblem, parseInstantCell } from '../../../src/imports/text/instant-parser.ts';
import { timePatternProblem } from '../../../src/imports/text/time-pattern.ts';
import { zoneOf } from '../../../src/imports/text/zone.ts';
import { times } from '../../support/long.ts';

const rfc3339: TimeFormat = { kind: 'rfc3339' };

function reader(time: TimeFormat, timeZone = 'UTC') {
  const zone = zoneOf(timeZone);
  if (zone === undefined) throw new Error(`no zone ${timeZone}`);
  return instantParserFor(time, zone);
}

function read(text: string, time: TimeFormat, timeZone = 'UTC'): string {
  const instants = reader(time, timeZone);
  const micros = parseInstantCell(instants, text);
  return Number.isNaN(micros) ? instantTextProblem(instants, text) : formatInstant(micros);
}

const pattern = (text: string): TimeFormat => ({ kind: 'pattern', pattern: text });
const epoch = (unit: 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS'): TimeFormat => ({ kind: 'epoch', unit });
const micros = fc.integer({ min: minMicros, max: maxMicros });
const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'America/Sao_Paulo',
];

describe('instants', () => {
  it('in RFC 3339 are read as everywhere else', () => {
    const text = fc.oneof(
      micros.map(formatInstant),
      fc.stringMatching(
        /^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,11})?(Z|[+-][012][0-9]:[0-6][0-9])$/,
      ),
    );
    const instants = reader(rfc3339);
    fc.assert(
      fc.property(text, (written) => {
        const bytes = Buffer.from(`x${written}x`);
        // The API takes no more than microseconds; in files what is finer is cut off.
        const house = instantMicros(written.replace(/(\.\d{6})\d+/, '$1'));
        // Offsets beyond a day's hours are nobody's.
        fc.pre(!/[+-](2[4-9])|[+-]\d\d:6/.test(written.slice(19)));
        expect(instants.read(bytes, 1, bytes.length - 1)).toBe(house);
      }),
      { numRuns: 2_000 * times },
    );
  });

  it('since 1970 are read exactly in every unit', () => {
    fc.assert(
      fc.property(micros, (t) => {
        const sign = t < 0 ? '-' : '';
        const digits = BigInt(Math.abs(t));
        const point = (text: bigint, places: number) => {
          const padded = text.toString().padStart(places + 1, '0');
          return places === 0 ? `${sign}${padded}` : `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`;
        };
        const at = (text: string, unit: 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS') =>
          parseInstantCell(reader(epoch(unit)), text);
        expect(at(point(digits, 6), 'SECONDS')).toBe(t);
        expect(at(point(digits, 3), 'MILLIS')).toBe(t);
        expect(at(point(digits, 0), 'MICROS')).toBe(t);
        expect(at(point(digits * 1000n, 0), 'NANOS')).toBe(t);
        const finer = t === maxMicros || t === minMicros ? 0n : 999n;
        expect(at(point(digits * 1000n + finer, 0), 'NANOS')).toBe(t < 0 && finer > 0n ? t - 1 : t);
      }),
      { numRuns: 2_000 * times },
    );
  });

  it('of a zone are the first at which its clocks showed that, or none', () => {
    const somewhen = fc.integer({ min: Date.UTC(1950, 0), max: Date.UTC(2036, 0) });
    fc.assert(
      fc.property(fc.constantFrom(...zones), somewhen, (name, ms) => {
        const seconds = Math.floor(ms / 1000);
        const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' });
        const shown = (at: number) => Date.parse(`${clock.format(at * 1000).replace(' ', 'T')}Z`) / 1000;
        const found = zoneOf(name)?.instantOf(shown(seconds) * 1e6) ?? Number.NaN;
        expect(shown(found / 1e6)).toBe(shown(seconds));
        expect(found / 1e6).toBeLessThanOrEqual(seconds);
      }),
      { numRuns: 2_000 * times },
    );
  });

  it.each([
    ['2024-01-05T09:30:00Z', '2024-01-05T09:30:00Z'],
    ['2024-01-05 09:30:00.25+02:00', '2024-01-05T07:30:00.25Z'],
    ['2024-01-05 09:30:00+00', '2024-01-05T09:30:00Z'],
    ['2024-01-05 09:30:00 UTC', '2024-01-05T09:30:00Z'],
    ['2024-01-05', '2024-01-05T00:00:00Z'],
    ['2024-01-05 09:30', '2024-01-05T09:30:00Z'],
    ['  2024-01-05T09:30:00Z ', '2024-01-05T09:30:00Z'],
    ['2023-02-29', "'2023-02-29' names a day that does not exist"],
    ['2024-01-05T25:00:00Z', "'2024-01-05T25:00:00Z' names a time of day that does not exist"],
    ['2024-01-05T24:00:00Z', "'2024-01-05T24:00:00Z' has an hour 24: write 00:00:00 of the next day"],
    ['2024-01-05T09:30:00.123456999Z', '2024-01-05T09:30:00.123456Z'],
    ['2024-01-05T09:30:00.123456999+01:00', '2024-01-05T08:30:00.123456Z'],
    ['1969-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.999999Z'],
    ['1684-07-28T00:12:25.259009Z', '1684-07-28T00:12:25.259009Z'],
    [
      '1684-07-28T00:12:25.259008999Z',
      "'1684-07-28T00:12:25.259008999Z' is out of range: instants lie from 1684 to 2255, exactly from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z",
    ],
    ['2255-06-05T23:47:34.740991999Z', '2255-06-05T23:47:34.740991Z'],
    [
      '2255-06-05T23:47:34.740992Z',
      "'2255-06-05T23:47:34.740992Z' is out of range: instants lie from 1684 to 2255, exactly from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z",
    ],
    [
      '1500-01-01',
      "'1500-01-01' is out of range: instants lie from 1684 to 2255, exactly from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z",
    ],
    ['', 'is empty, which is not an instant'],
  ])('%j in RFC 3339', (text, wanted) => {
    expect(read(text, rfc3339)).toBe(wanted);
  });

  it.each([
    ['NANOS', '1704447000123456999', '2024-01-05T09:30:00.123456Z'],
    ['NANOS', '-1', '1969-12-31T23:59:59.999999Z'],
    ['NANOS', '-1000', '1969-12-31T23:59:59.999999Z'],
    ['NANOS', '999', '1970-01-01T00:00:00Z'],
    ['SECONDS', '1704447000.1234569', '2024-01-05T09:30:00.123456Z'],
    ['SECONDS', '-0.0000001', '1969-12-31T23:59:59.999999Z'],
    ['SECONDS', '-0', '1970-01-01T00:00:00Z'],
    ['MICROS', '9007199254740991', '2255-06-05T23:47:34.740991Z'],
    ['MICROS', '-9007199254740991', '1684-07-28T00:12:25.259009Z'],
    ['NANOS', '-9007199254740991001', 'is out of range'],
    ['MICROS', '9007199254740992', 'is out of range'],
  ] as const)('of %s: %s', (unit, text, wanted) => {
    expect(read(text, epoch(unit))).toContain(wanted);
  });

  it('that clocks skipped or showed twice', () => {
    const berlin = (text: string) => read(text, rfc3339, 'Europe/Berlin');
    expect(berlin('2024-03-31 01:59:59')).toBe('2024-03-31T00:59:59Z');
    expect(berlin('2024-03-31 02:30:00')).toBe(
      "'2024-03-31 02:30:00' does not exist in Europe/Berlin: the clocks were set forward over it",
    );
    expect(berlin('2024-03-31 03:00:00')).toBe('2024-03-31T01:00:00Z');
    expect(berlin('2024-10-27 02:30:00')).toBe('2024-10-27T00:30:00Z');
    expect(berlin('2024-10-27 02:30:00+01:00')).toBe('2024-10-27T01:30:00Z');
    expect(berlin('2024-10-27 03:00:00')).toBe('2024-10-27T02:00:00Z');
  });

  it.each([
    ['dd.MM.yyyy HH:mm:ss', '05.01.2024 09:30:00', '2024-01-05T09:30:00Z'],
    ['d.M.yyyy', '5.1.2024', '2024-01-05T00:00:00Z'],
    ['MM/dd/yy hh:mm a', '01/05/24 12:30 AM', '2024-01-05T00:30:00Z'],
    ['MM/dd/yy hh:mm a', '01/05/24 12:30 p.m.', '2024-01-05T12:30:00Z'],
    ['MM/dd/yy hh:mm a', '01/05/24 13:30 PM', "'01/05/24 13:30 PM' names a time of day that does not exist"],
    ['dd MMM yyyy HH:mm:ss.SSS', '05 Jan 2024 09:30:00.125', '2024-01-05T09:30:00.125Z'],
    ['EEE, d MMM yyyy HH:mm:ss Z', 'Fri, 5 Jan 2024 09:30:00 +0200', '2024-01-05T07:30:00Z'],
    ["yyyyMMdd'T'HHmmssX", '20240105T093000Z', '2024-01-05T09:30:00Z'],
    ["yyyy'年'M'月'd'日'", '2024年1月5日', '2024-01-05T00:00:00Z'],
    ['dd.MM.yyyy', '29.02.2023', "'29.02.2023' names a day that does not exist"],
    ['dd.MM.yyyy', '2023-02-28', "'2023-02-28' is not written as dd.MM.yyyy"],
    ['d MMM yyyy', '5 Foo 2024', "'5 Foo 2024' names a day that does not exist"],
  ])('%s reads %j', (form, text, wanted) => {
    expect(read(text, pattern(form))).toBe(wanted);
  });

  it.each(['HH:mm', 'yyyy-MM', 'yyyy-MM-dd hh:mm', 'yyyy-MM-dd qq', 'yyyy-MM-dd yyyy', "yyyy-MM-dd 'x"])(
    '%s is no pattern',
    (text) => {
      expect(timePatternProblem(text)).toBeTypeOf('string');
    },
  );
});
