import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Grid } from '../../src/engine/bucket.ts';
import { maxMicros, minMicros, parseInstantText } from '../../src/engine/instant.ts';
import { calendarGrid } from '../../src/market/calendar.ts';
import { isLong, times } from '../support/long.ts';

const minute = 60e6;
const hour = 3600e6;
const day = 86400e6;
const week = 7 * day;

function grid(interval: number, timeZone: string): Grid {
  const result = calendarGrid(interval, timeZone);
  if ('problem' in result) throw new Error(result.problem);
  return result;
}

const at = (text: string): number => {
  const micros = parseInstantText(text);
  if (typeof micros !== 'number') throw new Error(micros.problem);
  return micros;
};

/** The oracle reads local time through another locale and by names of parts. */
const clocks = new Map<string, Intl.DateTimeFormat>();
interface LocalTime {
  time: string;
  /** Both as a count since 1970-01-01T00:00:00 local time. */
  day: number;
  seconds: number;
}

function local(micros: number, timeZone: string): LocalTime {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'short', timeStyle: 'medium', hourCycle: 'h23' });
    clocks.set(timeZone, clock);
  }
  const parts = new Map(
    clock.formatToParts(Math.floor(micros / 1000)).map(({ type, value }) => [type as string, value]),
  );
  const date = `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
  const time = `${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`;
  const seconds = Date.parse(`${date}T${time}Z`) / 1000;
  return { time, day: Math.floor(seconds / 86400), seconds };
}

const localDay = (micros: number, timeZone: string): number => local(micros, timeZone).day;

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Juneau',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Asia/Manila',
  'Africa/Cairo',
  'Africa/Monrovia',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kwajalein',
];
const intervals = [
  125_000,
  1e6,
  7e6 + 500_000,
  minute,
  5 * minute,
  hour,
  4 * hour,
  12 * hour,
  day,
  2 * day,
  10 * day,
  week,
  2 * week,
];
const modern = fc.integer({ min: at('1960-01-01T00:00:00Z'), max: at('2045-01-01T00:00:00Z') });
const anyMicros = fc.oneof(modern, fc.integer({ min: minMicros, max: maxMicros }));

describe('in every zone and interval', () => {
  test('an instant lies in its bucket, and in the same one whatever was asked before', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...intervals),
        fc.array(anyMicros),
        (zone, interval, ts) => {
          const used = grid(interval, zone);
          for (const t of ts) {
            const index = used.indexOf(t);
            expect(Number.isSafeInteger(index)).toBe(true);
            expect(used.startOf(index)).toBeLessThanOrEqual(t);
            expect(used.startOf(index + 1)).toBeGreaterThan(t);
            const start = used.startOf(index);
            const end = used.startOf(index + 1);
            if (start >= minMicros) expect(used.indexOf(start)).toBe(index);
            if (end <= maxMicros) expect(used.indexOf(end - 1)).toBe(index);
            expect(grid(interval, zone).indexOf(t)).toBe(index);
          }
        },
      ),
      { numRuns: 200 * times },
    );
  });

  test('later instants never lie in earlier buckets, nor do later buckets start earlier', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...intervals),
        modern,
        fc.nat(3 * day),
        (zone, interval, t, gap) => {
          const buckets = grid(interval, zone);
          const first = buckets.indexOf(t);
          expect(buckets.indexOf(t + gap)).toBeGreaterThanOrEqual(first);
          for (let i = first; i < first + 40; i++) {
            expect(buckets.startOf(i + 1)).toBeGreaterThanOrEqual(buckets.startOf(i));
          }
        },
      ),
      { numRuns: 200 * times },
    );
  });

  test('the ends of time have a bucket', () => {
    for (const zone of zones) {
      for (const interval of [3, ...intervals, 365 * day, 100_000 * day]) {
        const buckets = grid(interval, zone);
        for (const t of [minMicros, maxMicros]) {
          const index = buckets.indexOf(t);
          expect(Number.isSafeInteger(index)).toBe(true);
          expect(buckets.startOf(index)).toBeLessThanOrEqual(t);
          expect(buckets.startOf(index + 1)).toBeGreaterThan(t);
        }
      }
    }
  });
});

describe('a local day', () => {
  test('starts at midnight, or where the clock is set, at the first instant that bears its date', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyMicros, (zone, t) => {
        const days = grid(day, zone);
        const start = days.startOf(days.indexOf(t));
        fc.pre(start > minMicros);
        const before = local(start - 1, zone);
        const first = local(start, zone);
        expect(first.day).toBeGreaterThan(before.day);
        // Every set of the clock that hides midnight shows as a second that does not follow the one before.
        const follows = first.seconds === before.seconds + 1;
        if (follows) expect(first.time).toBe('00:00:00');
        expect(days.indexOf(t)).toBe(first.day);
      }),
      { numRuns: 800 * times },
    );
  });

  test('of every zone known here agrees with its clock throughout the years of set clocks', () => {
    const wrong: string[] = [];
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      const days = grid(day, zone);
      for (let t = at('1996-01-01T06:00:00Z'); t < at('1998-01-01T00:00:00Z'); t += 16 * day + hour) {
        if (days.indexOf(t) !== localDay(t, zone)) wrong.push(`${zone} at ${t}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each([
    'America/Sao_Paulo',
    'Asia/Beirut',
    'Pacific/Apia',
    ...(isLong ? ['America/Havana', 'America/Asuncion', 'America/St_Johns', 'Asia/Amman'] : []),
  ])('of each date from 1965 to 2040 begins and ends with it in %s', (zone) => {
    const days = grid(day, zone);
    const wrong: number[] = [];
    for (let i = Date.UTC(1965) / 86400e3; i < Date.UTC(2040) / 86400e3; i++) {
      const start = days.startOf(i);
      const begins = start === days.startOf(i + 1) || localDay(start, zone) === i;
      if (!begins || localDay(start - 1, zone) >= i) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });

  test('in every season of 2017 holds the instants of its date and no others', () => {
    const wrong: string[] = [];
    for (const zone of zones) {
      const days = grid(day, zone);
      let latest = Number.NEGATIVE_INFINITY;
      for (let t = at('2017-01-01T00:00:00Z'); t < at('2018-01-01T00:00:00Z'); t += hour) {
        latest = Math.max(latest, localDay(t, zone));
        if (days.indexOf(t) !== latest) wrong.push(`${zone} at ${t}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each([
    ['Europe/Berlin', '2026-01-05', '2026-01-04T23:00:00Z', 'an ordinary one'],
    ['America/Sao_Paulo', '2017-10-15', '2017-10-15T03:00:00Z', 'midnight does not exist, it starts at 01:00'],
    ['Asia/Beirut', '2021-03-28', '2021-03-27T22:00:00Z', 'midnight does not exist, it starts at 01:00'],
    ['America/Sao_Paulo', '2018-02-18', '2018-02-18T03:00:00Z', 'the hour before midnight comes twice'],
    [
      'America/St_Johns',
      '2010-11-07',
      '2010-11-07T02:30:00Z',
      'midnight comes twice, a minute after it the clock is set back',
    ],
    ['America/St_Johns', '1937-10-04', '1937-10-04T03:30:00Z', 'the hour before midnight comes twice'],
    ['Africa/Monrovia', '1960-06-01', '1960-06-01T00:44:30Z', 'an offset with seconds'],
    ['Europe/Berlin', '1890-01-05', '1890-01-04T23:06:32Z', 'local mean time'],
    ['Pacific/Apia', '2011-12-29', '2011-12-29T10:00:00Z', 'the last before the date line'],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00Z', 'the first after the date line'],
    ['America/Juneau', '1867-10-19', '1867-10-18T08:57:41Z', 'a date that came twice'],
  ])('%s %s starts at %s: %s', (zone, date, start) => {
    const days = grid(day, zone);
    const index = Date.parse(date) / 86400e3;
    expect(days.startOf(index)).toBe(at(start));
    expect(days.indexOf(at(start))).toBe(index);
    expect(days.indexOf(at(start) - 1)).toBeLessThan(index);
  });

  test('that the zone skipped is an empty bucket', () => {
    const days = grid(day, 'Pacific/Apia');
    const skipped = Date.UTC(2011, 11, 30) / 86400e3;
    expect(days.startOf(skipped)).toBe(days.startOf(skipped + 1));
    expect(days.indexOf(days.startOf(skipped))).toBe(skipped + 1);
    expect(days.indexOf(days.startOf(skipped) - 1)).toBe(skipped - 1);
    const hours = grid(hour, 'Pacific/Apia');
    const first = hours.indexOf(days.startOf(skipped));
    expect(hours.startOf(first)).toBe(days.startOf(skipped));
  });
});

describe('parts of days', () => {
  const startsOfDay = (zone: string, interval: number, date: string): string[] => {
    const days = grid(day, zone);
    const index = Date.parse(date) / 86400e3;
    const parts = grid(interval, zone);
    const starts = new Set<string>();
    for (let t = days.startOf(index); t < days.startOf(index + 1); t += 10 * minute) {
      starts.add(local(parts.startOf(parts.indexOf(t)), zone).time.slice(0, 5));
    }
    return [...starts];
  };

  test.each([
    ['Europe/Berlin', '2026-01-05', ['00:00', '04:00', '08:00', '12:00', '16:00', '20:00']],
    ['Europe/Berlin', '2026-03-29', ['00:00', '05:00', '09:00', '13:00', '17:00', '21:00']],
    ['Europe/Berlin', '2026-10-25', ['00:00', '03:00', '07:00', '11:00', '15:00', '19:00', '23:00']],
    ['America/Sao_Paulo', '2017-10-15', ['01:00', '05:00', '09:00', '13:00', '17:00', '21:00']],
    ['Australia/Lord_Howe', '2026-04-05', ['00:00', '03:30', '07:30', '11:30', '15:30', '19:30', '23:30']],
  ])('%s %s is cut every four hours of elapsed time', (zone, date, starts) => {
    expect(startsOfDay(zone, 4 * hour, date)).toEqual(starts);
  });

  test('start at whole intervals from the start of the day, and all but the last are whole', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...intervals.filter((i) => i < day)),
        anyMicros,
        (zone, interval, t) => {
          const parts = grid(interval, zone);
          const days = grid(day, zone);
          const start = parts.startOf(parts.indexOf(t));
          const end = parts.startOf(parts.indexOf(t) + 1);
          expect((start - days.startOf(days.indexOf(t))) % interval).toBe(0);
          if (end - start !== interval) {
            expect(end - start).toBeLessThan(interval);
            expect(end).toBe(days.startOf(days.indexOf(t) + 1));
          }
        },
      ),
      { numRuns: 400 * times },
    );
  });

  test('of a date that came twice fill all of its 48 hours', () => {
    const days = grid(day, 'America/Juneau');
    const hours = grid(hour, 'America/Juneau');
    const index = Date.UTC(1867, 9, 19) / 86400e3;
    const starts = [];
    for (let t = days.startOf(index); t < days.startOf(index + 1); t += hour)
      starts.push(hours.startOf(hours.indexOf(t)));
    expect(starts).toHaveLength(48);
    expect(new Set(starts).size).toBe(48);
    expect(hours.indexOf(days.startOf(index + 1))).toBeGreaterThan(hours.indexOf(days.startOf(index + 1) - 1));
  });
});

describe('groups of days', () => {
  test.each(zones)('weeks start on Mondays in %s', (zone) => {
    for (const weeks of [1, 2, 13]) {
      const buckets = grid(weeks * week, zone);
      for (let i = -200; i < 200; i += 7) {
        const first = localDay(buckets.startOf(i), zone);
        // A Monday that was skipped leaves its week to start on Tuesday.
        if (buckets.startOf(i) === grid(day, zone).startOf(first)) expect(first).toBe(4 + 7 * weeks * i);
      }
    }
  });

  test('other groups are counted from 1970-01-01', () => {
    for (const zone of zones) {
      const buckets = grid(3 * day, zone);
      const days = grid(day, zone);
      for (let i = -3000; i < 10_000; i += 101) expect(buckets.startOf(i)).toBe(days.startOf(3 * i));
      expect(buckets.indexOf(days.startOf(0))).toBe(0);
      expect(buckets.indexOf(days.startOf(0) - 1)).toBe(-1);
    }
  });
});

describe('what can be asked for', () => {
  test.each([['UTC'], ['utc'], ['Etc/UTC'], ['GMT'], ['Etc/GMT'], ['Z'], ['Zulu']])(
    '%s takes any interval, from the epoch on',
    (zone) => {
      for (const interval of [7 * hour, 36 * hour, 1234, 3 * day]) {
        expect(grid(interval, zone).startOf(5)).toBe(5 * interval);
      }
      expect(grid(week, zone).startOf(0)).toBe(at('1970-01-05T00:00:00Z'));
    },
  );

  test.each([
    [7 * hour, '7h'],
    [36 * hour, '36h'],
    [7e6, '7s'],
  ])('%d does not fit local days, and is refused by its name %s', (interval, name) => {
    expect(calendarGrid(interval, 'Europe/Berlin')).toEqual({ problem: expect.stringContaining(name) });
  });

  test.each([['Mars/Phobos'], [''], ['Europe/Berlin; DROP'], ['x'.repeat(10_000)]])(
    'no zone is named %.20s',
    (zone) => {
      const result = calendarGrid(day, zone) as { problem: string };
      expect(result.problem).toContain(zone.slice(0, 60));
      expect(result.problem.length).toBeLessThan(200);
    },
  );

  test.each([[0], [-1], [0.5], [Number.NaN]])('an interval of %d is a broken assumption', (interval) => {
    expect(() => calendarGrid(interval, 'Europe/Berlin')).toThrow(RangeError);
    expect(() => calendarGrid(interval, 'UTC')).toThrow(RangeError);
  });
});
