/**
 * An instant is a plain number: whole microseconds since 1970-01-01T00:00:00Z. All that a double holds exactly are
 * allowed, from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z.
 */
export const minMicros = -Number.MAX_SAFE_INTEGER;
export const maxMicros = Number.MAX_SAFE_INTEGER;

/** The reason why a value is not an instant: it quotes the value and says what to write instead. */
export interface InstantProblem {
  problem: string;
}

/** Parses RFC 3339 with any offset. */
export function parseInstantText(text: string): number | InstantProblem {
  const micros = textMicros(text);
  return Number.isNaN(micros) ? { problem: textProblem(text) } : micros;
}

/** Converts epoch milliseconds; the fraction holds microseconds. */
export function parseMillis(ms: number): number | InstantProblem {
  const micros = millisMicros(ms);
  return Number.isNaN(micros) ? { problem: millisProblem(ms) } : micros;
}

/** Converts text or epoch milliseconds. Returns NaN when it is not an instant. It allocates nothing. */
export function instantMicros(input: unknown): number {
  if (typeof input === 'number') return millisMicros(input);
  return typeof input === 'string' ? textMicros(input) : Number.NaN;
}

/** The reason why `instantMicros` returned NaN. */
export function instantProblem(input: unknown): string {
  if (typeof input === 'number') return millisProblem(input);
  if (typeof input === 'string') return textProblem(input);
  const kind = input === null ? 'null' : Array.isArray(input) ? 'a list' : `a value of type ${typeof input}`;
  return `${kind} is not an instant: write RFC 3339 text such as ${example}, or epoch milliseconds`;
}

/** Formats an instant as RFC 3339 in UTC, without trailing zeros. */
export function formatInstant(micros: number): string {
  if (!Number.isSafeInteger(micros)) throw new RangeError(`${micros} is not an instant`);
  const seconds = Math.floor(micros / 1e6);
  const days = Math.floor(seconds / 86400);
  const ofDay = seconds - days * 86400;
  const fraction = micros - seconds * 1e6;
  const tail = fraction === 0 ? '' : `.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
  const clock = `${pad(Math.floor(ofDay / 3600))}:${pad(Math.floor(ofDay / 60) % 60)}:${pad(ofDay % 60)}`;
  return `${formatDate(days)}T${clock}${tail}Z`;
}

/**
 * Converts to epoch milliseconds. They convert back to the same instant from 1691 to 2248; beyond, doubles lie up to 2
 * microseconds apart.
 */
export function toMillis(micros: number): number {
  return micros / 1000;
}

const example = '2026-01-05T09:30:00Z';
/** The limits in words, for messages. */
export const instantLimits = `instants lie from 1684 to 2255, exactly from ${formatInstant(minMicros)} to ${formatInstant(maxMicros)}`;

function millisMicros(ms: number): number {
  const magnitude = Math.abs(ms);
  if (!(magnitude >= 1e11 && magnitude < 1e13)) return Number.NaN;
  // Seconds and fraction separately, because ms * 1000 can lie half way between two doubles.
  const whole = Math.trunc(ms);
  const micros = whole * 1000 + Math.round((ms - whole) * 1000);
  return micros >= minMicros && micros <= maxMicros ? micros : Number.NaN;
}

function millisProblem(ms: number): string {
  const magnitude = Math.abs(ms);
  if (!Number.isFinite(ms)) return `${ms} is not an instant`;
  if (magnitude < 1e11)
    return `${ms} looks like seconds: write epoch milliseconds, as Date.now() gives (seconds * 1000)`;
  if (magnitude >= 1e14 && magnitude <= maxMicros) {
    return `${ms} looks like microseconds: write epoch milliseconds, with a fraction if needed (microseconds / 1000)`;
  }
  if (magnitude >= 1e17 && magnitude <= maxMicros * 1000) {
    return `${ms} looks like nanoseconds: write epoch milliseconds (nanoseconds / 1e6)`;
  }
  return `${ms} is out of range: ${instantLimits}, that is ${toMillis(minMicros)} to ${toMillis(maxMicros)} in epoch milliseconds`;
}

const dot = 46;
const plus = 43;
const minus = 45;
const colon = 58;

function textMicros(text: string): number {
  if (text.length < 20) return Number.NaN;
  const century = two(text, 0);
  const yearOfCentury = two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if ((century | yearOfCentury | month | day | hour | minute | second) < 0) return Number.NaN;
  if (text.charCodeAt(4) !== minus || text.charCodeAt(7) !== minus || !isSeparator(text.charCodeAt(10)))
    return Number.NaN;
  if (text.charCodeAt(13) !== colon || text.charCodeAt(16) !== colon) return Number.NaN;
  const year = century * 100 + yearOfCentury;
  if (!isDate(year, month, day) || hour > 23 || minute > 59 || second > 59) return Number.NaN;

  let at = 19;
  let fraction = 0;
  if (text.charCodeAt(at) === dot) {
    at++;
    let unit = 100_000;
    for (; ; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      if (unit >= 1) fraction += digit * unit;
      else if (digit !== 0) return Number.NaN; // rounding would merge distinct ticks
      unit /= 10;
    }
    if (at === 20) return Number.NaN;
  }

  const offset = offsetSeconds(text, at);
  const seconds = daysFromCivil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  // Also exact when the whole seconds lie just outside the range, because they are a multiple of 64.
  const micros = seconds * 1e6 + fraction;
  return micros >= minMicros && micros <= maxMicros ? micros : Number.NaN;
}

/** Parses the zone from `at` to the end; NaN when anything else is there. */
function offsetSeconds(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === 90 || sign === 122) return text.length === at + 1 ? 0 : Number.NaN;
  if (sign !== plus && sign !== minus) return Number.NaN;
  if (text.length !== at + 6 || text.charCodeAt(at + 3) !== colon) return Number.NaN;
  const hours = two(text, at + 1);
  const minutes = two(text, at + 4);
  if ((hours | minutes) < 0 || hours > 23 || minutes > 59) return Number.NaN;
  return (hours * 3600 + minutes * 60) * (sign === plus ? 1 : -1);
}

/** Two digits as a number, or -1. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

function isSeparator(code: number): boolean {
  return code === 84 || code === 116 || code === 32;
}

export function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  if (month !== 2) return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (leap ? 29 : 28);
}

/**
 * Days since 1970-01-01 in the proleptic Gregorian calendar. Its years start in March, so that the leap day is the last
 * day.
 */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return era * 146097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719468;
}

function formatDate(days: number): string {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const dayOfEra = z - era * 146097;
  const corrected =
    dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096);
  const yearOfEra = Math.floor(corrected / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return `${year}-${pad(month)}-${pad(day)}`;
}

function pad(part: number): string {
  return part < 10 ? `0${part}` : String(part);
}

const loose =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)? ?(?:([Zz]|[+-]\d\d:[0-5]\d)|([+-]\d{1,4}|UTC|GMT))?$/;

function textProblem(text: string): string {
  const quoted = `'${text.length > 60 ? `${text.slice(0, 60)}…` : text}'`;
  if (/^\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*$/.test(text)) {
    return `${quoted} is a number in a string: write epoch milliseconds without the quotes, or text such as ${example}`;
  }
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${quoted} has no time of day and no zone: write ${text}T00:00:00Z`;
  const parts = loose.exec(text);
  if (parts === null) return `${quoted} is not an RFC 3339 instant such as ${example}`;
  const [, year, month, day, hour, minute, second, fraction, zone, oddZone] = parts;
  if (!isDate(Number(year), Number(month), Number(day))) return `${quoted} names a day that does not exist`;
  if (hour === '24') return `${quoted} has an hour 24: write 00:00:00 of the next day`;
  if (second === '60')
    return `${quoted} has a second 60: leap seconds have no instant of their own, write 59 or the next`;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second ?? 0) > 59) {
    return `${quoted} names a time of day that does not exist`;
  }
  if (second === undefined) return `${quoted} has no seconds: write ${text.slice(0, 16)}:00${zone ?? 'Z'}`;
  if (oddZone !== undefined) return `${quoted} writes its zone in another way: write Z, or an offset such as +02:00`;
  if (zone === undefined) return `${quoted} does not say which zone: add Z for UTC, or an offset such as +02:00`;
  if (/[1-9]/.test(fraction?.slice(6) ?? '')) return `${quoted} is finer than a microsecond: 6 digits are kept`;
  if (Number(zone.slice(1, 3)) > 23) return `${quoted} has an offset that does not exist`;
  if (Number(year) <= 1684 || Number(year) >= 2255) return `${quoted} is out of range: ${instantLimits}`;
  return `${quoted} is not an RFC 3339 instant such as ${example}`;
}
