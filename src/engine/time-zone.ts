const utcName = /^(z|(etc\/)?(utc|uct|gmt|gmt[+-]?0|zulu|universal|greenwich))$/i;

/** True when a zone is an alias of UTC. */
export function isUtc(timeZone: string): boolean {
  return utcName.test(timeZone);
}

/** Formats instants as the clocks of a zone show them. */
export type ZoneClock = Intl.DateTimeFormat;

/** The clock of an IANA time zone; undefined when no such zone exists. */
export function clockOf(timeZone: string): ZoneClock | undefined {
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-hc-h23-nu-latn', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A time over which the clocks of a zone are not set, in epoch seconds. */
export interface OffsetPeriod {
  readonly start: number;
  readonly end: number;
  /** Local time minus UTC, in seconds. */
  readonly offset: number;
}

/** No zone has set its clocks twice within six days, so the offsets at both ends of a step tell whether it did. */
const stepSeconds = 5 * 86_400;

/** The periods of a span that is given in epoch seconds. The first starts with the span; the last never ends. */
export function offsetPeriods(clock: ZoneClock, from: number, to: number): OffsetPeriod[] {
  const periods: OffsetPeriod[] = [];
  let start = from;
  let offset = offsetAt(clock, from);
  for (let at = from; at < to; at += stepSeconds) {
    const next = Math.min(at + stepSeconds, to);
    const nextOffset = offsetAt(clock, next);
    if (nextOffset === offset) continue;
    const change = changeBetween(clock, at, next);
    periods.push({ start, end: change, offset });
    start = change;
    offset = nextOffset;
  }
  periods.push({ start, end: Number.POSITIVE_INFINITY, offset });
  return periods;
}

/** The first second at which the clocks show another offset than at `from`; at `to` they do. */
function changeBetween(clock: ZoneClock, from: number, to: number): number {
  const offset = offsetAt(clock, from);
  let before = from;
  let after = to;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetAt(clock, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

/** Local time minus UTC at an instant, in seconds. It parses the formatted text '01/05/2026, 09:30:00'. */
function offsetAt(clock: ZoneClock, seconds: number): number {
  const text = clock.format(seconds * 1000);
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const local = Date.UTC(part(6, 10), part(0, 2) - 1, part(3, 5), part(12, 14), part(15, 17), part(18, 20));
  return local / 1000 - seconds;
}
