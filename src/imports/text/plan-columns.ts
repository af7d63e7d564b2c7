import { Fault } from '../../engine/fault.ts';
import { keyProblem, quoted } from '../../engine/key.ts';
import type { ImportColumn, ImportInput } from '../import-input.ts';
import type { ImportPlan, PlannedColumn, TimeFormat } from '../import-plan.ts';
import { guessCandleColumns } from './guess-candles.ts';
import { guessDecimalComma } from './guess-number.ts';
import { guessSeries, guessSize, guessT, guessValues, isAny, type Profile, profileOf } from './guess-roles.ts';
import { guessTime } from './guess-time.ts';
import { trim } from './parse-number.ts';
import { listed } from './requested-columns.ts';
import type { Zone } from './zone.ts';

type Part = Pick<ImportPlan, 'columns' | 'time' | 'decimalComma' | 'series' | 'problem'>;

interface Table {
  /** Columns without a header name are named by their number. */
  readonly header: boolean;
  readonly names: readonly string[];
  readonly texts: readonly (readonly string[])[];
}

/** Decides the role of each column: as requested, otherwise as guessed. */
export function planColumns(
  { names, header, texts }: Table,
  given: ReadonlyMap<string, ImportColumn>,
  input: ImportInput,
  filename: string,
  zone: Zone,
): Part {
  const profiles = names.map((name, i) => profileOf(name, header && name !== `${i + 1}`, texts[i], zone));
  const withRole = (role: string) => profiles.filter(({ name }) => given.get(name)?.role === role);
  let open = profiles.filter(({ name }) => !given.has(name));
  const take = <P extends Profile | undefined>(taken: P): P => {
    open = open.filter((profile) => profile !== taken);
    return taken;
  };
  const t = withRole('T')[0] ?? take(guessT(open, zone));
  const givenValues = withRole('VALUE');
  const ownSeries = givenValues.length > 1 || givenValues.some(({ name }) => given.get(name)?.series !== undefined);
  const maySaySeries = input.series === undefined && !ownSeries;
  const series = withRole('SERIES')[0] ?? (maySaySeries ? take(guessSeries(open)) : undefined);
  const guessed = guessValues(open, series === undefined && input.series === undefined);
  const candles = guessed.length === 0 && given.size === 0 ? guessCandleColumns(profiles, t) : undefined;
  const values = givenValues.length > 0 ? givenValues : candles ? [candles.close] : guessed;
  const taken = new Set(values);
  open = open.filter((profile) => !taken.has(profile));
  const wide = ownSeries || values.length > 1;
  const sizes = withRole('SIZE');
  if (!wide && sizes.length === 0)
    sizes.push(...[candles ? candles.volume : guessSize(open)].filter((profile) => profile !== undefined));
  const keyOf = ({ name }: Profile) => given.get(name)?.series ?? name;
  if (wide) checkWide(values, sizes, given, keyOf);
  else if (sizes.length > 1) {
    throw new Fault(
      'BAD_USER_INPUT',
      `Columns ${quoted(sizes[0].name)} and ${quoted(sizes[1].name)} are both SIZE: only one can be.`,
      ['input', 'columns'],
    );
  }
  const columns = profiles.map((profile): PlannedColumn => {
    const { name, filled } = profile;
    const plain = { name, series: null, examples: examplesOf(filled) };
    if (profile === t) return { ...plain, role: 'T' };
    if (profile === series) return { ...plain, role: 'SERIES' };
    const own = wide ? keyOf(profile) : null;
    if (taken.has(profile)) return { ...plain, role: 'VALUE', series: own };
    if (sizes.includes(profile)) return { ...plain, role: 'SIZE', series: own };
    return { ...plain, role: 'IGNORE' };
  });
  const key = wide || series ? null : (input.series ?? keyOfFile(filename));
  const numbers = [...values, ...sizes].flatMap(({ filled }) => filled);
  const comma = input.decimalComma ?? guessDecimalComma(numbers);
  const { time, timeProblem } = timeOf(t, input.timeFormat, zone);
  const problem =
    (t === undefined ? noT(names) : timeProblem) ??
    partsOfTime(t, profiles) ??
    (values.length === 0 ? noValue(profiles, t, series) : undefined) ??
    (wide ? badKey(values, keyOf) : series === undefined && key === null ? noSeries(filename) : undefined) ??
    (comma === undefined ? eitherComma(values) : undefined) ??
    null;
  return { columns, time, decimalComma: comma ?? false, series: key, problem };
}

function examplesOf(filled: readonly string[]): string[] {
  return filled.slice(0, 3).map((text) => (text.length > 60 ? `${text.slice(0, 57)}...` : text));
}

function timeOf(
  t: Profile | undefined,
  given: string | undefined,
  zone: Zone,
): { time: TimeFormat; timeProblem?: string } {
  if (given === 'SECONDS' || given === 'MILLIS' || given === 'MICROS' || given === 'NANOS') {
    return { time: { kind: 'epoch', unit: given } };
  }
  if (given === 'RFC3339') return { time: { kind: 'rfc3339' } };
  if (given !== undefined) return { time: { kind: 'pattern', pattern: given } };
  // The client named this column as T, so the format of most of its texts is used.
  const guess = t?.time ?? guessTime(t?.filled ?? [], zone, isAny);
  if (t === undefined || guess === undefined) {
    const time: TimeFormat = { kind: 'rfc3339' };
    if (t === undefined) return { time };
    const [example] = t.filled;
    const what = example === undefined ? 'is empty' : `(${quoted(example)}) is in no form that can be guessed`;
    return { time, timeProblem: `Column ${quoted(t.name)} ${what}: give timeFormat, or another column as T.` };
  }
  const { time, or } = guess;
  if (or === undefined) return { time };
  const forms = [time, or].map((each) => (each.kind === 'pattern' ? each.pattern : each.kind)).join(' or ');
  const timeProblem = `The dates of column ${quoted(t.name)} may begin with the day or the month (${quoted(t.filled[0])}): give timeFormat, ${forms}.`;
  return { time, timeProblem };
}

function noT(names: readonly string[]): string {
  return `No column holds instants (there are: ${listed(names)}): name one in columns with the role T, and its timeFormat.`;
}

function partsOfTime(t: Profile | undefined, profiles: readonly Profile[]): string | undefined {
  const clock = profiles.find(
    ({ short, filled }) =>
      filled.length > 0 &&
      (filled.every((text) => /^\d{1,2}:\d\d(:\d\d(\.\d+)?)?$/.test(text)) ||
        (short === 'time' &&
          filled.every((text) => /^\d{4,6}$/.test(text)) &&
          !filled.every((text) => /^0+$/.test(text)))),
  );
  const dates = t?.filled.every((text) => !/:/.test(text) && text.length <= 12) ?? false;
  if (t === undefined || clock === undefined || clock === t || !dates) return undefined;
  return `The date stands in column ${quoted(t.name)} and the time of day in column ${quoted(clock.name)}: write both into one column.`;
}

function noValue(profiles: readonly Profile[], t: Profile | undefined, series: Profile | undefined): string {
  const numeric = profiles.filter((profile) => profile.numeric && profile !== t && profile !== series);
  return numeric.length === 0
    ? `No column holds numbers (there are: ${listed(profiles.map(({ name }) => name))}): name one in columns with the role VALUE.`
    : `Which column holds the values? ${listed(numeric.map(({ name }) => name))}: name one in columns with the role VALUE, ${
        numeric.every(({ short }) => short === '')
          ? 'and one with the role SIZE if there are sizes.'
          : 'or several, each with its series.'
      }`;
}

function badKey(values: readonly Profile[], keyOf: (value: Profile) => string): string | undefined {
  for (const value of values) {
    const problem = keyProblem(keyOf(value));
    if (problem !== undefined)
      return `Column ${quoted(value.name)} cannot be a series of that name (${problem}): give its series in columns.`;
  }
  return undefined;
}

function eitherComma(values: readonly Profile[]): string {
  const [value] = values;
  const example = value.filled.find((text) => text.includes(',')) ?? value.filled[0] ?? '';
  return `The comma in the numbers of column ${quoted(value.name)} (${quoted(example)}) may begin a fraction or part thousands: give decimalComma.`;
}

function noSeries(filename: string): string {
  return `No column says the series, and the name of the file (${quoted(filename)}) is no key of one: give series.`;
}

/** 'prices/BTC-USD.csv.gz' gives 'BTC-USD'. */
function keyOfFile(filename: string): string | null {
  const name = filename.replace(/^.*[/\\]/, '');
  const key = trim(name.replace(/(?:\.(?:csv|tsv|tab|txt|ndjson|jsonl|json|gz|gzip))+$/i, ''));
  return keyProblem(key) === undefined ? key : null;
}

function checkWide(
  values: readonly Profile[],
  sizes: readonly Profile[],
  given: ReadonlyMap<string, ImportColumn>,
  keyOf: (value: Profile) => string,
): void {
  const seen = new Map<string, string>();
  for (const value of values) {
    const key = keyOf(value);
    const other = seen.get(key);
    if (other !== undefined) {
      throw new Fault(
        'BAD_USER_INPUT',
        `Columns ${quoted(other)} and ${quoted(value.name)} are both values of ${quoted(key)}.`,
        ['input', 'columns'],
      );
    }
    seen.set(key, value.name);
  }
  const sized = new Set<string>();
  for (const { name } of sizes) {
    const key = given.get(name)?.series;
    if (key === undefined || !seen.has(key)) {
      throw new Fault(
        'BAD_USER_INPUT',
        `Say in columns whose sizes ${quoted(name)} holds: its series must be one that has values.`,
        ['input', 'columns'],
      );
    }
    if (sized.has(key))
      throw new Fault('BAD_USER_INPUT', `Two columns hold sizes of ${quoted(key)}.`, ['input', 'columns']);
    sized.add(key);
  }
}
