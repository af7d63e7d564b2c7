import { clockOf, isUtc, offsetAt } from '../../engine/clock.ts';

/** Converts local times of an IANA time zone to instants. */
export interface Zone {
  readonly name: string;
  /**
   * The first instant at which the local clocks showed this time, or NaN when they skipped it. Both in microseconds,
   * the local time as if it were UTC.
   */
  instantOf(local: number): number;
}

const daySeconds = 86_400;
const daysMax = 4_096;

/** A local day and its offset from UTC in seconds: `after` applies from the instant `change` on. */
interface Day {
  readonly before: number;
  readonly after: number;
  readonly change: number;
}

/** Undefined when no such zone exists. */
export function zoneOf(name: string): Zone | undefined {
  if (isUtc(name)) return { name, instantOf: (local) => local };
  const clock = clockOf(name);
  if (clock === undefined) return undefined;
  const days = new Map<number, Day>();
  let number = Number.NaN;
  let day: Day = { before: 0, after: 0, change: 0 };
  return {
    name,
    instantOf(local) {
      const wanted = Math.floor(local / 86_400e6);
      if (wanted !== number) {
        day = days.get(wanted) ?? dayOf(clock, wanted);
        if (days.size >= daysMax) days.clear();
        days.set(wanted, day);
        number = wanted;
      }
      const early = local - day.before * 1e6;
      if (early < day.change * 1e6) return early;
      const late = local - day.after * 1e6;
      return late >= day.change * 1e6 ? late : Number.NaN;
    },
  };
}

/** No zone has changed its clocks twice within six days. */
function dayOf(clock: Intl.DateTimeFormat, day: number): Day {
  let from = (day - 2) * daySeconds;
  let to = (day + 3) * daySeconds;
  const before = offsetAt(clock, from);
  const after = offsetAt(clock, to);
  if (before === after) return { before, after, change: Number.POSITIVE_INFINITY };
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (offsetAt(clock, middle) === before) from = middle;
    else to = middle;
  }
  return { before, after, change: to };
}
