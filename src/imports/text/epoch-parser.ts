import { instantLimits, maxMicros } from '../../engine/instant.ts';
import type { InstantParser } from './instant-parser.ts';

export type EpochUnit = 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS';

/** The number of places by which the decimal point moves right to give microseconds. */
const shifts: Readonly<Record<EpochUnit, number>> = { SECONDS: 6, MILLIS: 3, MICROS: 0, NANOS: -3 };

const dot = 46;
const comma = 44;
const minus = 45;
const none = -1;
const far = -2;

/** Parses the time since 1970 in a unit, with or without a fraction, rounded down to the microsecond. */
export function epochParser(unit: EpochUnit): InstantParser {
  const shift = shifts[unit];
  return {
    read(bytes, from, to) {
      const micros = magnitude(bytes, from, to, shift);
      return micros < 0 ? Number.NaN : bytes[from] === minus ? 0 - micros : micros;
    },
    problem(bytes, from, to) {
      if (magnitude(bytes, from, to, shift) === far)
        return `is out of range: ${instantLimits}, and this is read as ${unit}`;
      return `is no number of ${unit} since 1970`;
    },
  };
}

/**
 * The absolute value in microseconds, or a negative error code. Finer digits are cut off; before 1970 they round away
 * from zero.
 */
function magnitude(bytes: Uint8Array, from: number, to: number, shift: number): number {
  const negative = bytes[from] === minus;
  let at = negative ? from + 1 : from;
  let whole = to;
  for (let i = at; i < to; i++) {
    if (bytes[i] !== dot && bytes[i] !== comma) continue;
    whole = i;
    break;
  }
  // The digits from here on are finer than a microsecond.
  const cut = shift > 0 && whole < to ? whole + 1 + shift : whole + shift;
  if (whole === at || (whole < to && whole + 1 === to)) return none;
  let micros = 0;
  let small = false;
  for (; at < to; at++) {
    if (at === whole) continue;
    const digit = bytes[at] - 48;
    if (!(digit >= 0 && digit <= 9)) return none;
    if (at < cut) micros = micros * 10 + digit;
    else if (digit !== 0) small = true;
  }
  for (let missing = to; missing < cut; missing++) micros *= 10;
  if (small && negative) micros++;
  return micros > maxMicros ? far : micros;
}
