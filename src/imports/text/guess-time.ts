import type { TimeFormat } from '../import-plan.ts';
import { instantParserFor } from './choose-instant-parser.ts';
import { type InstantParser, parseInstantCell } from './instant-parser.ts';
import type { Zone } from './zone.ts';

/** The notation of the instants in a column. Two formats mean that the column is ambiguous. */
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
const others = [
  'yyyyMMddHHmmss',
  'yyyyMMddHHmm',
  'yyyyMMddTHHmmssZ',
  'EEE, d MMM yyyy HH:mm:ss Z',
  "d.M.yyyy H:mm:ss.S 'GMT'Z",
];

const looked = 200;
const tried = 5;

interface Form {
  readonly time: TimeFormat;
  readonly instants: InstantParser;
}

const formsOfZones = new WeakMap<Zone, readonly Form[]>();

/** Built once, because a table can have thousands of columns. */
function formsOf(zone: Zone): readonly Form[] {
  const known = formsOfZones.get(zone);
  if (known) return known;
  const forms = [...patterns, ...others].map((pattern): Form => {
    const time: TimeFormat = { kind: 'pattern', pattern };
    return { time, instants: instantParserFor(time, zone) };
  });
  formsOfZones.set(zone, forms);
  return forms;
}

/**
 * Returns undefined when the texts are not instants, or when the client must name their format. `enough` decides
 * whether the share of matching texts suffices.
 */
export function guessTime(
  texts: readonly string[],
  zone: Zone,
  enough: (some: number, all: number) => boolean,
): TimeGuess | undefined {
  const filled = texts.filter((text) => text.trim() !== '').slice(0, looked);
  // The shortest date is '1/5/24'.
  if (filled.length === 0 || !filled.some((text) => /\d/.test(text) && text.length >= 6)) {
    return undefined;
  }
  const read = ({ instants }: Form): number => {
    const isOne = (text: string) => !Number.isNaN(parseInstantCell(instants, text));
    // Tests a few texts first, because most formats fail at once.
    if (!filled.slice(0, tried).some(isOne)) return 0;
    return filled.filter(isOne).length;
  };
  const plain: TimeFormat = { kind: 'rfc3339' };
  if (enough(read({ time: plain, instants: instantParserFor(plain, zone) }), filled.length)) return { time: plain };
  let best: { time: TimeFormat; count: number; or?: TimeFormat } = { time: plain, count: 0 };
  // A date written only in digits has 8 of them; with a time of day it has 12 or 14.
  const numbers = filled
    .slice(0, tried)
    .every((text) => /^[+-]?\d*[.,]?\d*$/.test(text) && !/^(\d{8}|\d{12}|\d{14})$/.test(text));
  for (const form of numbers ? [] : formsOf(zone)) {
    const { time } = form;
    const count = read(form);
    if (count > best.count) best = { time, count };
    else if (count === best.count && count > 0 && best.or === undefined) best.or = time;
  }
  if (enough(best.count, filled.length))
    return best.or === undefined ? { time: best.time } : { time: best.time, or: best.or };
  const unit = epochUnit(filled.map(Number), enough);
  return unit === undefined ? undefined : { time: { kind: 'epoch', unit } };
}

/** Chooses the unit by magnitude: from 1973 to 2255, seconds included. */
function epochUnit(
  values: readonly number[],
  enough: (some: number, all: number) => boolean,
): 'SECONDS' | 'MILLIS' | 'MICROS' | 'NANOS' | undefined {
  const numbers = values.filter(Number.isFinite);
  if (!enough(numbers.length, values.length)) return undefined;
  const middle = Math.abs([...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]);
  const seconds = ([1, 1e3, 1e6, 1e9] as const).findIndex((each) => middle >= 1e8 * each && middle < 9.1e9 * each);
  return (['SECONDS', 'MILLIS', 'MICROS', 'NANOS'] as const)[seconds];
}

/**
 * True for numbers that are instants from 2001 to 2036, even without a telling name. With `whole`, they must be
 * integers.
 */
export function surelyEpoch(texts: readonly string[], whole: boolean): boolean {
  const values = texts.filter((text) => text.trim() !== '').map(Number);
  return (
    values.length > 1 &&
    [1, 1e3, 1e6, 1e9].some((each) => values.every((value) => value >= 1e9 * each && value < 2.1e9 * each)) &&
    values.every((value, i) => (Number.isInteger(value) || !whole) && (i === 0 || value >= values[i - 1]))
  );
}
