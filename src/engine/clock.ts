const utcName = /^(z|(etc\/)?(utc|uct|gmt|gmt[+-]?0|zulu|universal|greenwich))$/i;

/** True when a zone is an alias of UTC. */
export function isUtc(timeZone: string): boolean {
  return utcName.test(timeZone);
}

/** The clock of an IANA time zone; undefined when no such zone exists. */
export function clockOf(timeZone: string): Intl.DateTimeFormat | undefined {
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

/** The offset from UTC at an instant, both in seconds. It parses the formatted text '01/05/2026, 09:30:00'. */
export function offsetAt(clock: Intl.DateTimeFormat, seconds: number): number {
  const text = clock.format(seconds * 1000);
  const part = (from: number, to: number): number => Number(text.slice(from, to));
  const local = Date.UTC(part(6, 10), part(0, 2) - 1, part(3, 5), part(12, 14), part(15, 17), part(18, 20));
  return local / 1000 - seconds;
}
