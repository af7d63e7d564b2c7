import { type Grid, uniformGrid } from '../engine/bucket.ts';
import { formatDuration } from '../engine/duration.ts';
import { clockOf, isUtc, type OffsetPeriod, offsetPeriods, type ZoneClock } from '../engine/time-zone.ts';

/** The reason why no such calendar exists, with a remedy. */
export interface CalendarProblem {
  problem: string;
}

/**
 * The buckets of candles in an IANA time zone. A local day starts at the first instant with its date and lasts until
 * the next day starts; a date that the zone skipped is an empty bucket. Intervals of whole days group days from
 * 1970-01-01; intervals of whole weeks start on Mondays. Shorter intervals that divide 24 hours count elapsed time from
 * the start of each local day, and the next day cuts the last one.
 */
export function calendarGrid(intervalMicros: number, timeZone: string): Grid | CalendarProblem {
  if (!Number.isSafeInteger(intervalMicros) || intervalMicros <= 0) {
    throw new RangeError(`${intervalMicros} is not an interval in microseconds`);
  }
  const zone = zoneOf(timeZone);
  if (zone === undefined) {
    const name = timeZone.length > 60 ? `${timeZone.slice(0, 60)}…` : timeZone;
    return { problem: `there is no time zone '${name}': use an IANA name such as Europe/Berlin, or UTC` };
  }
  const days = intervalMicros / dayMicros;
  const wholeWeeks = days % 7 === 0;
  if (zone === 'UTC') return uniformGrid(intervalMicros, wholeWeeks ? firstMonday * dayMicros : 0);
  if (Number.isInteger(days)) return dayGroups(zone, days, wholeWeeks ? firstMonday : 0);
  if (dayMicros % intervalMicros !== 0) {
    return {
      problem:
        `${formatDuration(intervalMicros)} neither divides a day nor is a number of whole days, so its candles have no` +
        ' place in local days: use the time zone UTC, or another interval',
    };
  }
  // Clocks change by whole seconds, so days start on whole seconds.
  if (1e6 % intervalMicros === 0) return uniformGrid(intervalMicros);
  return partsOfDays(zone, intervalMicros);
}

const dayMicros = 86400e6;
/** 1970-01-05, in days since 1970-01-01. */
const firstMonday = 4;

function dayGroups(zone: LocalDays, days: number, origin: number): Grid {
  const startOf = (index: number): number => zone.startOf(index * days + origin);
  let index = 0;
  let start = 0;
  let end = 0;
  return {
    startOf,
    indexOf(t) {
      if (t >= start && t < end) return index;
      index = Math.floor((zone.dayOf(t) - origin) / days) + 0;
      start = startOf(index);
      end = startOf(index + 1);
      return index;
    },
  };
}

function partsOfDays(zone: LocalDays, interval: number): Grid {
  // The longest local date had 48 hours, in a zone that crossed the date line eastward. On other days, the numbers past
  // the day's end stay unused.
  const partsMax = (2 * dayMicros) / interval;
  let day = 0;
  let start = 0;
  let end = 0;
  return {
    startOf(index) {
      const ofDay = Math.floor(index / partsMax);
      return Math.min(zone.startOf(ofDay) + (index - ofDay * partsMax) * interval, zone.startOf(ofDay + 1));
    },
    indexOf(t) {
      if (t < start || t >= end) {
        day = zone.dayOf(t);
        start = zone.startOf(day);
        end = zone.startOf(day + 1);
      }
      return day * partsMax + Math.min(Math.floor((t - start) / interval), partsMax - 1);
    },
  };
}

/** The local days of a zone, numbered since 1970-01-01. */
interface LocalDays {
  /** The first instant whose local date is this day or, if the zone skipped it, a later one. */
  startOf(day: number): number;
  /** The last day that starts at or before t. */
  dayOf(t: number): number;
}

const zonesMax = 64;
const chunksMax = 256;
/** The number of day starts that are computed and cached together. */
const chunkDays = 128;

const zones = new Map<string, LocalDays>();

function zoneOf(timeZone: string): LocalDays | 'UTC' | undefined {
  const name = timeZone.toLowerCase();
  if (isUtc(name)) return 'UTC';
  const known = zones.get(name);
  if (known !== undefined) return known;
  const clock = clockOf(timeZone);
  if (clock === undefined) return undefined;
  const zone = localDays(clock);
  keep(zones, name, zone, zonesMax);
  return zone;
}

function localDays(clock: ZoneClock): LocalDays {
  const chunks = new Map<number, Float64Array>();
  let lastNumber = Number.NaN;
  let last: Float64Array = new Float64Array();
  const startOf = (day: number): number => {
    const number = Math.floor(day / chunkDays);
    if (number !== lastNumber) {
      let chunk = chunks.get(number);
      if (chunk === undefined) {
        chunk = startsOfDays(clock, number * chunkDays);
        keep(chunks, number, chunk, chunksMax);
      }
      last = chunk;
      lastNumber = number;
    }
    return last[day - number * chunkDays];
  };
  const dayOf = (t: number): number => {
    let day = Math.floor(t / dayMicros) + 0;
    while (startOf(day + 1) <= t) day++;
    while (startOf(day) > t) day--;
    return day;
  };
  return { startOf, dayOf };
}

function startsOfDays(clock: ZoneClock, firstDay: number): Float64Array {
  const periods = offsetPeriods(clock, (firstDay - 2) * 86400, (firstDay + chunkDays + 2) * 86400);
  const starts = new Float64Array(chunkDays);
  for (let i = 0; i < chunkDays; i++) {
    const midnight = (firstDay + i) * 86400;
    // If the clock was set back across midnight, the first midnight counts.
    const period = periods.find(({ end, offset }) => midnight - offset < end) as OffsetPeriod; // the last never ends
    starts[i] = Math.max(midnight - period.offset, period.start) * 1e6;
  }
  return starts;
}

/** Evicts the oldest entry. */
function keep<K, V>(map: Map<K, V>, key: K, value: V, sizeMax: number): void {
  if (map.size >= sizeMax) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(key, value);
}
