import { daysFromCivil, isDate, maxMicros, minMicros } from '../../engine/instant.ts';
import { type Civil, civilProblem, microsOf } from './civil-time.ts';
import type { InstantParser } from './instant-parser.ts';
import { textOf } from './parse-number.ts';
import type { Zone } from './zone.ts';

const minus = 45;
const colon = 58;
const dot = 46;
const zulu = 90;

/**
 * Parses RFC 3339, and also texts without offset, without seconds or with a date alone. Those are local times of the
 * zone.
 */
export function rfc3339Parser(zone: Zone): InstantParser {
  let knownDate = -1;
  let knownDay = 0;
  return {
    /** Parses the complete UTC notation without allocating. Other notations use the general parser. */
    read(bytes, from, to) {
      if (to - from < 20 || bytes[to - 1] !== zulu) return longWay(bytes, from, to, zone);
      const century = two(bytes, from);
      const ofCentury = two(bytes, from + 2);
      const year = (century | ofCentury) < 0 ? -1 : century * 100 + ofCentury;
      const month = two(bytes, from + 5);
      const day = two(bytes, from + 8);
      const hour = two(bytes, from + 11);
      const minute = two(bytes, from + 14);
      const second = two(bytes, from + 17);
      const separator = bytes[from + 10];
      const digits = (year | month | day | hour | minute | second) >= 0;
      if (!digits || hour > 23 || minute > 59 || second > 59 || (separator !== 84 && separator !== 32)) {
        return longWay(bytes, from, to, zone);
      }
      if (bytes[from + 4] !== minus || bytes[from + 7] !== minus) return Number.NaN;
      if (bytes[from + 13] !== colon || bytes[from + 16] !== colon) return Number.NaN;
      const date = year * 10_000 + month * 100 + day;
      if (date !== knownDate) {
        if (!isDate(year, month, day)) return Number.NaN;
        knownDay = daysFromCivil(year, month, day);
        knownDate = date;
      }
      let fraction = 0;
      if (to - from > 20) {
        if (bytes[from + 19] !== dot || to - from === 21) return longWay(bytes, from, to, zone);
        let unit = 100_000;
        for (let at = from + 20; at < to - 1; at++) {
          const digit = bytes[at] - 48;
          if (!(digit >= 0 && digit <= 9)) return longWay(bytes, from, to, zone);
          // Digits finer than a microsecond are cut off.
          if (at < from + 26) fraction += digit * unit;
          unit /= 10;
        }
      }
      const micros = (knownDay * 86_400 + hour * 3_600 + minute * 60 + second) * 1e6 + fraction;
      return micros >= minMicros && micros <= maxMicros ? micros : Number.NaN;
    },
    problem(bytes, from, to) {
      const civil = civilOf(textOf(bytes, from, to));
      return civil === undefined
        ? 'is not an RFC 3339 instant such as 2026-01-05T09:30:00Z: give timeFormat if it is written in another way'
        : civilProblem(civil, zone);
    },
  };
}

/** Two digits as a number, or -1. */
function two(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 48;
  const ones = bytes[at + 1] - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

function longWay(bytes: Uint8Array, from: number, to: number, zone: Zone): number {
  if (to - from < 10 || to - from > 64) return Number.NaN;
  const civil = civilOf(textOf(bytes, from, to));
  return civil === undefined ? Number.NaN : microsOf(civil, zone);
}

const form =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)? ?([Zz]|UTC|GMT|[+-]\d\d(?::?[0-5]\d)?)?)?$/;

function civilOf(text: string): Civil | undefined {
  const parts = form.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset] = parts;
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    fraction: Number(fraction.slice(0, 6).padEnd(6, '0')),
    offset: offset === undefined ? undefined : offsetOf(offset),
  };
}

/** The offset in seconds ahead of UTC: Z, UTC, +02, +02:00, +0200. */
export function offsetOf(text: string): number {
  const parts = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  if (parts === null) return 0;
  const [, sign, hours, minutes = '0'] = parts;
  return (Number(hours) * 3_600 + Number(minutes) * 60) * (sign === '+' ? 1 : -1);
}
