import { maxMicros } from './instant.ts';

/** The reason why a text is not a duration: it quotes the text and says what to write instead. */
export interface DurationProblem {
  problem: string;
}

/** From short to long; each unit is a multiple of the one before. */
const unitMicros = { us: 1, ms: 1000, s: 1e6, m: 60e6, h: 3600e6, d: 86400e6, w: 604800e6 } as const;

type Unit = keyof typeof unitMicros;

const short = /^(\d+)(?:\.(\d+))?(us|µs|μs|ms|s|m|h|d|w)$/;
const decimal = String.raw`(\d+(?:\.\d+)?)`;
const iso = new RegExp(`^P(?:${decimal}W)?(?:${decimal}D)?(?:T(?:${decimal}H)?(?:${decimal}M)?(?:${decimal}S)?)?$`);
const isoUnits: readonly Unit[] = ['w', 'd', 'h', 'm', 's'];
const textMax = 40;
const forms = `write it as 250ms, 90s, 5m, 24h, 7d, 2w or PT24H`;

/** '250ms', '90s', '1.5h', '2w' or ISO 8601 without years and months, as whole microseconds. */
export function parseDuration(text: string): number | DurationProblem {
  const quoted = `'${text.length > textMax ? `${text.slice(0, textMax)}…` : text}'`;
  const terms = text.length > textMax ? undefined : (shortTerms(text) ?? isoTerms(text));
  if (terms === undefined) return { problem: shapeProblem(text, quoted) };
  let scaled = 0n; // micros * 10^textMax: a decimal fraction in a double would not be whole when it should be
  for (const { unit, whole, fraction } of terms) {
    scaled += BigInt(whole + fraction.padEnd(textMax, '0')) * BigInt(unitMicros[unit]);
  }
  const scale = 10n ** BigInt(textMax);
  if (scaled === 0n) return { problem: `${quoted} is no time at all: a duration is longer than zero` };
  if (scaled % scale !== 0n) return { problem: `${quoted} is not a whole number of microseconds` };
  const micros = scaled / scale;
  if (micros > BigInt(maxMicros)) return { problem: `${quoted} is longer than all of time kept here (285 years)` };
  return Number(micros);
}

/** Formats a duration in the largest unit of which it is a whole multiple: '90s', '36h', '2w'. */
export function formatDuration(micros: number): string {
  if (!Number.isSafeInteger(micros) || micros <= 0) throw new RangeError(`${micros} is not a duration`);
  let best: Unit = 'us';
  for (const unit of Object.keys(unitMicros) as Unit[]) {
    if (micros % unitMicros[unit] === 0) best = unit;
  }
  return `${micros / unitMicros[best]}${best}`;
}

interface Term {
  unit: Unit;
  whole: string;
  fraction: string;
}

function shortTerms(text: string): Term[] | undefined {
  const parts = short.exec(text);
  if (parts === null) return undefined;
  const [, whole, fraction = '', unit] = parts;
  return [{ unit: unit === 'µs' || unit === 'μs' ? 'us' : (unit as Unit), whole, fraction }];
}

function isoTerms(text: string): Term[] | undefined {
  const parts = iso.exec(text);
  if (parts === null) return undefined;
  const terms: Term[] = [];
  for (const [i, unit] of isoUnits.entries()) {
    const amount = parts[i + 1];
    if (amount === undefined) continue;
    // In ISO 8601 only the last part may have a fraction.
    if (terms.some((term) => term.fraction !== '')) return undefined;
    const [whole, fraction = ''] = amount.split('.');
    terms.push({ unit, whole, fraction });
  }
  return terms.length === 0 || text.endsWith('T') ? undefined : terms;
}

function shapeProblem(text: string, quoted: string): string {
  if (text.length > textMax) return `${quoted} is not a duration: ${forms}`;
  if (/^-/.test(text)) return `${quoted} is negative: a duration is longer than zero`;
  if (/^\d+(\.\d+)?$/.test(text)) {
    return `${quoted} has no unit: write ${text.length < 12 ? text : 'it as 90'}s for seconds, ms, m, h, d or w`;
  }
  if (/^\d+(\.\d+)?\s*(mo|mon|months?|M|y|yr|years?|Y)$/.test(text) || /^P[\d.WD]*[\d.]+[YM]/.test(text)) {
    return `${quoted}: months and years have no length of their own, so they are refused; use days (30d) or weeks (4w)`;
  }
  if (/^\d+(\.\d+)?\s*ns$/.test(text)) return `${quoted} is in nanoseconds: microseconds (us) are the finest unit`;
  if (/^(\d+(us|ms|[smhdw]))+$/.test(text)) return `${quoted} has several parts: write one, such as 90m, or PT1H30M`;
  return `${quoted} is not a duration: ${forms}`;
}
