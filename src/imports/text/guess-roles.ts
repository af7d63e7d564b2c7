import { keyProblem } from '../../engine/key.ts';
import { looksLikeNumber } from './guess-number.ts';
import { guessTime, surelyEpoch, type TimeGuess } from './guess-time.ts';
import { trim } from './number.ts';

/** What a column shows of itself. */
export interface Profile {
  readonly name: string;
  /** Its name without what varies: 'Open Time' is 'opentime'. */
  readonly short: string;
  readonly filled: readonly string[];
  readonly numeric: boolean;
  readonly time: TimeGuess | undefined;
}

export function profileOf(name: string, texts: readonly string[], timeZone: string): Profile {
  const filled = texts.map(trim).filter((text) => text !== '');
  const numbers = filled.filter(looksLikeNumber).length;
  return {
    name,
    short: name.toLowerCase().replace(/[\s_\-./()]/g, ''),
    filled,
    numeric: numbers > 0 && numbers >= filled.length * 0.8,
    time: guessTime(filled, timeZone),
  };
}

// The names that come first are preferred.
const tNames =
  'timestamp datetime ts t time instant at date dateutc timeutc timestamputc opentime eventtime tradetime unix epoch day zeit datum zeitpunkt'.split(
    ' ',
  );
const seriesNames =
  'series symbol ticker key pair instrument sym tradingsymbol asset coin productid product market isin metric'.split(
    ' ',
  );
const valueNames =
  'value price close last val adjclose closeprice lastprice px mid rate settle v p c wert preis kurs schluss'.split(
    ' ',
  );
const sizeNames = 'size volume qty quantity amount vol lastsize basevolume s q menge volumen'.split(' ');
/** Columns of candles: their tables are not wide. */
const candleNames = 'open high low vwap bid ask trades count'.split(' ');
/** Few distinct texts, and yet no series. */
const otherNames = 'side type exchange venue currency status flag condition unit source owner name id'.split(' ');

function preferred(profiles: readonly Profile[], names: readonly string[]): Profile | undefined {
  const known = profiles.filter(({ short }) => names.includes(short));
  return known.sort((a, b) => names.indexOf(a.short) - names.indexOf(b.short))[0];
}

export function guessT(profiles: readonly Profile[]): Profile | undefined {
  const named = profiles.filter(({ short }) => tNames.includes(short));
  const readable = profiles.filter(({ time }) => time !== undefined);
  return (
    preferred(
      named.filter(({ time }) => time !== undefined),
      tNames,
    ) ??
    readable.find(({ time }) => time?.time.kind !== 'epoch') ??
    readable.find(({ short, filled }) => /time|date/.test(short) || surelyEpoch(filled)) ??
    preferred(named, tNames)
  );
}

export function guessSeries(profiles: readonly Profile[]): Profile | undefined {
  const named = preferred(profiles, seriesNames);
  if (named) return named;
  const likely = profiles.filter(({ short, filled, numeric, time }) => {
    const distinct = new Set(filled);
    return (
      !numeric &&
      time === undefined &&
      filled.length > 0 &&
      !otherNames.includes(short) &&
      distinct.size <= Math.max(2, filled.length / 2) &&
      [...distinct].every((text) => keyProblem(text) === undefined)
    );
  });
  return likely.length === 1 ? likely[0] : undefined;
}

/** The column of the values; several, if each seems to be a series of its own. */
export function guessValues(profiles: readonly Profile[], mayBeWide: boolean): readonly Profile[] {
  const numeric = profiles.filter((profile) => profile.numeric);
  const named = preferred(numeric, valueNames);
  if (named) return [named];
  const left = numeric.filter(({ short }) => !sizeNames.includes(short));
  if (left.length <= 1) return left;
  return mayBeWide && !left.some(({ short }) => candleNames.includes(short)) ? left : [];
}

export function guessSize(profiles: readonly Profile[]): Profile | undefined {
  return preferred(
    profiles.filter(({ numeric }) => numeric),
    sizeNames,
  );
}
