import { clockOf, isUtc, offsetPeriods, type ZoneClock } from '../../engine/time-zone.ts';

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

/** At most one change lies in five days. */
function dayOf(clock: ZoneClock, day: number): Day {
  const [first, second] = offsetPeriods(clock, (day - 2) * daySeconds, (day + 3) * daySeconds);
  return { before: first.offset, after: (second ?? first).offset, change: first.end };
}
