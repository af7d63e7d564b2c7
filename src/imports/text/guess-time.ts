import type { TimeFormat } from '../plan.ts';
import { instantOfText } from './instants.ts';
import { instantsOf } from './instants-of.ts';
import { zoneOf } from './zone.ts';

/** How the instants of a column are written; two formats: it may be either. */
export type TimeGuess = { readonly time: TimeFormat; readonly or?: TimeFormat };

const dates = [
  'yyyy-M-d',
  'yyyy/M/d',
  'yyyy.M.d',
  'yyyyMMdd',
  'd.M.yyyy',
  'd.M.yy',
  'd/M/yyyy',
  'M/d/yyyy',
  'd/M/yy',
  'M/d/yy',
  'd-M-yyyy',
  'M-d-yyyy',
  'd MMM yyyy',
  'd-MMM-yyyy',
  'd-MMM-yy',
  'MMM d, yyyy',
  'MMM d yyyy',
];
const clocks = ['H:mm', 'H:mm:ss', 'H:mm:ss.S', 'h:mm a', 'h:mm:ss a', 'HHmm', 'HHmmss'];
const patterns = dates.flatMap((date) => [
  date,
  ...clocks.flatMap((clock) => [`${date} ${clock}`, `${date}, ${clock}`, `${date}T${clock}`]),
]);
const others = ['yyyyMMddHHmmss', 'yyyyMMddHHmm', 'yyyyMMddTHHmmssZ', 'EEE, d MMM yyyy HH:mm:ss Z'];

const looked = 200;
/** So many of the texts may be wrong. */
const leastPart = 0.8;

/** undefined: these are no instants, or in a form that must be told. */
export function guessTime(texts: readonly string[], timeZone: string): TimeGuess | undefined {
  const filled = texts.filter((text) => text.trim() !== '').slice(0, looked);
  const zone = zoneOf(timeZone);
  // The shortest form of a date is '1/5/24'.
  if (filled.length === 0 || zone === undefined || !filled.some((text) => /\d/.test(text) && text.length >= 6)) {
    return undefined;
  }
  const read = (time: TimeFormat): number => {
    const instants = instantsOf(time, zone);
    const isOne = (text: string) => !Number.isNaN(instantOfText(instants, text));
    // Few first: most forms are not it.
    if (!filled.slice(0, 5).some(isOne)) return 0;
    return filled.filter(isOne).length / filled.length;
  };
  const plain: TimeFormat = { kind: 'rfc3339' };
  if (read(plain) >= leastPart) return { time: plain };
  let best: { time: TimeFormat; part: number; or?: TimeFormat } = { time: plain, part: 0 };
  for (const pattern of [...patterns, ...others]) {
    const time: TimeFormat = { kind: 'pattern', pattern };
    const part = read(time);
    if (part > best.part) best = { time, part };
    else if (part === best.part && part > 0 && best.or === undefined) best.or = time;
  }
  if (best.part >= leastPart) return best.or === undefined ? { time: best.time } : { time: best.time, or: best.or };
  const unit = epochUnit(filled.map(Number));
  return unit === undefined ? undefined : { time: { kind: 'epoch', unit } };
}

/** By their size: from 1973 to 2255, and for seconds too. */
function epochUnit(values: readonly number[]): 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS' | undefined {
  const numbers = values.filter(Number.isFinite);
  if (numbers.length < values.length * leastPart) return undefined;
  const middle = Math.abs([...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]);
  const seconds = ([1, 1e3, 1e6, 1e9] as const).findIndex((each) => middle >= 1e8 * each && middle < 9.1e9 * each);
  return (['SECONDS', 'MILLIS', 'MICROS', 'NANOS'] as const)[seconds];
}

/** Numbers that are instants of our time, though no name says so: from 2001 to 2036. */
export function surelyEpoch(texts: readonly string[]): boolean {
  const values = texts.filter((text) => text.trim() !== '').map(Number);
  return (
    values.length > 1 &&
    [1, 1e3, 1e6, 1e9].some((each) => values.every((value) => value >= 1e9 * each && value < 2.1e9 * each)) &&
    values.every((value, i) => Number.isInteger(value) && (i === 0 || value >= values[i - 1]))
  );
}
