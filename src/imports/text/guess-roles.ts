import { keyProblem } from '../../engine/key.ts';
import { looksLikeNumber } from './guess-number.ts';
import { guessTime, surelyEpoch, type TimeGuess } from './guess-time.ts';
import { trim } from './parse-number.ts';
import type { Zone } from './zone.ts';

/** The properties of a column that its name and cells show. */
export interface Profile {
  readonly name: string;
  /** The normalized name: 'Open Time' and '<OPENTIME>' become 'opentime'. Empty without a header name. */
  readonly short: string;
  readonly filled: readonly string[];
  /** The number of numeric cells. */
  readonly numbers: number;
  readonly numeric: boolean;
  readonly time: TimeGuess | undefined;
}

/** True when the exceptions are few enough to be errors: one in five, or one cell of a short column. */
function mostly(some: number, all: number): boolean {
  return some > 0 && some >= Math.min(all * 0.8, all - 1);
}

export function isAny(some: number): boolean {
  return some > 0;
}

export function profileOf(name: string, named: boolean, texts: readonly string[], zone: Zone): Profile {
  const filled = texts.map(trim).filter((text) => text !== '');
  const numbers = filled.filter(looksLikeNumber).length;
  return {
    name,
    short: named ? name.toLowerCase().replace(/[\s_\-./()<>[\]:]/g, '') : '',
    filled,
    numbers,
    numeric: mostly(numbers, filled.length),
    time: guessTime(filled, zone, mostly),
  };
}

const words = (text: string): readonly string[] => text.split(' ');

// Earlier names take precedence.
const tNames = words(
  'timestamp datetime ts t time instant at date dateutc timeutc timestamputc gmttime localtime opentime eventtime tradetime unix epoch day zeit datum zeitpunkt',
);
const seriesNames = words(
  'series symbol ticker key pair instrument sym tradingsymbol asset coin productid product market isin metric',
);
const valueNames = words(
  'value price close last val adjclose closeprice lastprice pxlast tradeprice priceusd px mid rate settle nav p c v wert preis kurs schluss schlusskurs',
);
const sizeNames = words(
  'size volume qty quantity amount vol lastsize lastqty basevolume volumefrom tickvol tickvolume pxvolume s q v menge volumen stück umsatz',
);
/** Columns of candles, quotes and order books. A table with such columns does not have one column per series. */
const candleNames = words(
  'open high low o h l c v close openprice highprice lowprice pxopen pxhigh pxlow vwap bid ask bidsize asksize bidprice askprice trades count spread openint openinterest',
);
/** Columns with few distinct texts that do not name a series. */
const otherNames = words(
  'side type ordertype exchange venue currency status flag condition unit source owner name id per',
);
/** Columns that number the rows, such as the index of a data frame or a trade id. */
const countNames = words('index idx unnamed0 row rownum rownumber no nr # id tradeid orderid aggid seq sequence');
/** A single letter among columns with unknown names is a series. */
const knownNames = new Set([...tNames, ...valueNames, ...sizeNames, ...candleNames, ...countNames]);
const flagTexts = new Set(words('true false yes no y n t f b s buy sell m l maker taker'));

function preferred(profiles: readonly Profile[], names: readonly string[]): Profile | undefined {
  const known = profiles.filter(({ short }) => names.includes(short));
  return known.sort((a, b) => names.indexOf(a.short) - names.indexOf(b.short))[0];
}

/** Prefers a column with a matching name and some invalid cells over a column with an unknown name. */
export function guessT(profiles: readonly Profile[], zone: Zone): Profile | undefined {
  const named = profiles.filter(({ short }) => tNames.includes(short));
  const readable = profiles.filter(({ time }) => time !== undefined);
  const best = preferred(
    named.filter(({ time }) => time !== undefined),
    tNames,
  );
  if (best) return best;
  return (
    preferred(
      named.filter(({ filled }) => guessTime(filled, zone, isAny) !== undefined),
      tNames,
    ) ??
    readable.find(({ time }) => time?.time.kind !== 'epoch') ??
    readable.find(({ short, filled }) => /time|date/.test(short) || surelyEpoch(filled, true)) ??
    readable.find((profile) => profile === profiles[0] && profile.short === '' && surelyEpoch(profile.filled, false)) ??
    preferred(named, tNames)
  );
}

export function guessSeries(profiles: readonly Profile[]): Profile | undefined {
  const named = preferred(profiles, seriesNames);
  if (named) return named;
  const saying = [valueNames, sizeNames, candleNames, otherNames, countNames];
  const likely = profiles.filter(({ short, filled, numeric, time }) => {
    const distinct = new Set(filled);
    return (
      !numeric &&
      time === undefined &&
      filled.length > 0 &&
      !saying.some((names) => names.includes(short)) &&
      distinct.size <= Math.max(2, filled.length / 2) &&
      [...distinct].every((text) => keyProblem(text) === undefined) &&
      ![...distinct].every((text) => flagTexts.has(text.toLowerCase()))
    );
  });
  return likely.length === 1 ? likely[0] : undefined;
}

/** Finds the column of values, or several columns when each one is a series. */
export function guessValues(profiles: readonly Profile[], mayBeWide: boolean): readonly Profile[] {
  const numeric = profiles.filter((profile) => profile.numeric);
  const named = valuesByName(profiles);
  if (named.length > 0) return named.length === 1 ? named : [];
  const left = numeric.filter(isOpen);
  // A column without a header name cannot name its series.
  const headed = profiles.filter((profile) => isOpen(profile) && isHalfNumeric(profile) && profile.short !== '');
  if (left.length <= 1 && headed.length <= 1) return left;
  const candles = headed.some(({ short }) => candleNames.includes(short) && short.length > 1);
  return mayBeWide && !candles ? headed : [];
}

/** True when the name and the cells allow a column of values. */
function isOpen({ short, time }: Profile): boolean {
  const isTime = time !== undefined && (tNames.includes(short) || /time|date/.test(short));
  return !isTime && !sizeNames.includes(short) && !countNames.includes(short);
}

/** In a file with one column per series, a series may have many cells such as 'n/a'. */
function isHalfNumeric({ filled, numbers }: Profile): boolean {
  return numbers > 0 && numbers >= filled.length / 2;
}

/** Finds the column whose name means size; several when their names share a pattern. */
function valuesByName(profiles: readonly Profile[]): readonly Profile[] {
  const numeric = profiles.filter((profile) => profile.numeric);
  const sure = numeric.every(({ short }) => short.length !== 1 || knownNames.has(short));
  const names = sure ? valueNames : valueNames.filter((name) => name.length > 1);
  const best = preferred(numeric, names) ?? preferred(profiles.filter(isBelieved), names);
  return profiles.filter(({ short, numeric }) => short === best?.short && (numeric || !best.numeric));
}

/** Trusts the name of a column with few numeric cells, unless the cells contradict it. */
function isBelieved({ filled, numbers }: Profile): boolean {
  return numbers > 0 || (filled.length > 0 && filled.length < 5);
}

export function guessSize(profiles: readonly Profile[]): Profile | undefined {
  return (
    preferred(
      profiles.filter(({ numeric }) => numeric),
      sizeNames,
    ) ??
    preferred(
      profiles.filter((profile) => profile.filled.length === 0 || isBelieved(profile)),
      sizeNames,
    )
  );
}
