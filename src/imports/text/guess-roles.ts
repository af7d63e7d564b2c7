import { keyProblem } from '../../engine/key.ts';
import { looksLikeNumber } from './guess-number.ts';
import { guessTime, surelyEpoch, type TimeGuess } from './guess-time.ts';
import { trim } from './parse-number.ts';
import type { Zone } from './zone.ts';

/** What a column shows of itself. */
export interface Profile {
  readonly name: string;
  /** Its name without what varies: 'Open Time' and '<OPENTIME>' are 'opentime'; '' if the header does not name it. */
  readonly short: string;
  readonly filled: readonly string[];
  /** How many of them are numbers. */
  readonly numbers: number;
  readonly numeric: boolean;
  readonly time: TimeGuess | undefined;
}

/** Whether so many of all make the rest mistakes: one in five may be one, and one of fewer. */
export function mostly(some: number, all: number): boolean {
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

// The names that come first are preferred.
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
/** Columns of candles, quotes and books: their tables are not wide. */
const candleNames = words(
  'open high low o h l c v close openprice highprice lowprice pxopen pxhigh pxlow vwap bid ask bidsize asksize bidprice askprice trades count spread openint openinterest',
);
/** Few distinct texts, and yet no series. */
const otherNames = words(
  'side type ordertype exchange venue currency status flag condition unit source owner name id per',
);
/** Numbers that count rows: what a data frame calls its index, and what trades are told apart by. */
const countNames = words('index idx unnamed0 row rownum rownumber no nr # id tradeid orderid aggid seq sequence');
/** A letter among others that say nothing is a series. */
const knownNames = new Set([...tNames, ...valueNames, ...sizeNames, ...candleNames, ...countNames]);
const flagTexts = new Set(words('true false yes no y n t f b s buy sell m l maker taker'));

function preferred(profiles: readonly Profile[], names: readonly string[]): Profile | undefined {
  const known = profiles.filter(({ short }) => names.includes(short));
  return known.sort((a, b) => names.indexOf(a.short) - names.indexOf(b.short))[0];
}

/** With one that some of its texts contradict, rather than with one whose name says nothing. */
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

/** The column of the values; several, if each seems to be a series of its own. */
export function guessValues(profiles: readonly Profile[], mayBeWide: boolean): readonly Profile[] {
  const numeric = profiles.filter((profile) => profile.numeric);
  const named = valuesByName(profiles);
  if (named.length > 0) return named.length === 1 ? named : [];
  const left = numeric.filter(isOpen);
  // What the header does not name cannot be series of that name.
  const headed = profiles.filter((profile) => isOpen(profile) && isHalfNumeric(profile) && profile.short !== '');
  if (left.length <= 1 && headed.length <= 1) return left;
  const candles = headed.some(({ short }) => candleNames.includes(short) && short.length > 1);
  return mayBeWide && !candles ? headed : [];
}

/** Whether it may hold values, as far as its name and its instants tell. */
function isOpen({ short, time }: Profile): boolean {
  const isTime = time !== undefined && (tNames.includes(short) || /time|date/.test(short));
  return !isTime && !sizeNames.includes(short) && !countNames.includes(short);
}

/** In a wide table a series may have many cells that say 'n/a'. */
function isHalfNumeric({ filled, numbers }: Profile): boolean {
  return numbers > 0 && numbers >= filled.length / 2;
}

/** The one whose name says it; several: their names are the same but for what varies. */
function valuesByName(profiles: readonly Profile[]): readonly Profile[] {
  const numeric = profiles.filter((profile) => profile.numeric);
  const sure = numeric.every(({ short }) => short.length !== 1 || knownNames.has(short));
  const names = sure ? valueNames : valueNames.filter((name) => name.length > 1);
  const best = preferred(numeric, names) ?? preferred(profiles.filter(isBelieved), names);
  return profiles.filter(({ short, numeric }) => short === best?.short && (numeric || !best.numeric));
}

/** Whether its name is believed, though most of its cells are no numbers: they do not all contradict it, or are few. */
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
