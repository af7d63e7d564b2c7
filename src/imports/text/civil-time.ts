import { daysFromCivil, instantLimits, isDate, maxMicros, minMicros } from '../../engine/instant.ts';
import type { Zone } from './zone.ts';

/** A date and time of day without regard to any time zone. */
export interface Civil {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** Microseconds within the second; finer digits are cut off. */
  fraction: number;
  /** Seconds ahead of UTC; undefined when the text gives no offset. */
  offset: number | undefined;
}

/** NaN when no such instant exists. */
export function microsOf(civil: Civil, zone: Zone): number {
  const { year, month, day, hour, minute, second, fraction, offset } = civil;
  if (!isDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return Number.NaN;
  const local = (daysFromCivil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1e6 + fraction;
  const micros = offset === undefined ? zone.instantOf(local) : local - offset * 1e6;
  return micros >= minMicros && micros <= maxMicros ? micros : Number.NaN;
}

/** The reason why no such instant exists. */
export function civilProblem(civil: Civil, zone: Zone): string {
  const { year, month, day, hour, minute, second } = civil;
  if (!isDate(year, month, day)) return 'names a day that does not exist';
  if (hour === 24) return 'has an hour 24: write 00:00:00 of the next day';
  if (second === 60) return 'has a second 60: leap seconds have no instant of their own, write 59 or the next';
  if (hour > 23 || minute > 59 || second > 59) return 'names a time of day that does not exist';
  if (year <= 1684 || year >= 2255) return `is out of range: ${instantLimits}`;
  return `does not exist in ${zone.name}: the clocks were set forward over it`;
}
