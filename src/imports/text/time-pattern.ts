import { type Civil, civilProblem, microsOf } from './civil-time.ts';
import type { InstantParser } from './instant-parser.ts';
import { textOf } from './parse-number.ts';
import { offsetOf } from './rfc3339-parser.ts';
import type { Zone } from './zone.ts';

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** For each letter of a pattern: the regular expression that matches it, and its meaning. */
const tokens: Readonly<Record<string, { readonly find: string; readonly set: (parts: Parts, text: string) => void }>> =
  {
    yyyy: { find: '(\\d{4})', set: (parts, text) => (parts.year = Number(text)) },
    yy: { find: '(\\d\\d)', set: (parts, text) => (parts.year = Number(text) + (Number(text) < 70 ? 2000 : 1900)) },
    MMMM: { find: '([A-Za-z]{3,9})', set: setMonth },
    MMM: { find: '([A-Za-z]{3,4})\\.?', set: setMonth },
    MM: { find: '(\\d\\d)', set: (parts, text) => (parts.month = Number(text)) },
    M: { find: '(\\d\\d?)', set: (parts, text) => (parts.month = Number(text)) },
    dd: { find: '(\\d\\d)', set: (parts, text) => (parts.day = Number(text)) },
    d: { find: '(\\d\\d?)', set: (parts, text) => (parts.day = Number(text)) },
    HH: { find: '(\\d\\d)', set: (parts, text) => (parts.hour = Number(text)) },
    H: { find: '(\\d\\d?)', set: (parts, text) => (parts.hour = Number(text)) },
    hh: { find: '(\\d\\d)', set: (parts, text) => (parts.hour = Number(text)) },
    h: { find: '(\\d\\d?)', set: (parts, text) => (parts.hour = Number(text)) },
    mm: { find: '(\\d\\d)', set: (parts, text) => (parts.minute = Number(text)) },
    m: { find: '(\\d\\d?)', set: (parts, text) => (parts.minute = Number(text)) },
    ss: { find: '(\\d\\d)', set: (parts, text) => (parts.second = Number(text)) },
    s: { find: '(\\d\\d?)', set: (parts, text) => (parts.second = Number(text)) },
    a: {
      find: '([AaPp]\\.?[Mm]\\.?)',
      set: (parts, text) => (parts.half = text[0].toLowerCase() === 'p' ? 'pm' : 'am'),
    },
    E: { find: '([A-Za-z]{2,9})\\.?', set: () => undefined },
    Z: { find: '([Zz]|UTC|GMT|[+-]\\d\\d(?::?[0-5]\\d)?)', set: (parts, text) => (parts.offset = offsetOf(text)) },
  };

interface Parts extends Civil {
  half: 'am' | 'pm' | undefined;
}

function setMonth(parts: Parts, text: string): void {
  const name = text.toLowerCase();
  const month = months.findIndex((short) => name.startsWith(short));
  parts.month = month + 1;
}

function setFraction(parts: Parts, text: string): void {
  parts.fraction = Number(text.slice(0, 6).padEnd(6, '0'));
}

interface Pattern {
  readonly form: RegExp;
  readonly sets: readonly ((parts: Parts, text: string) => void)[];
  readonly twelve: boolean;
}

const known =
  'yyyy, yy, MMMM, MMM, MM, M, dd, d, HH, H, hh, h, mm, m, ss, s, S, a, EEE, Z, X; other letters stand in single quotes';

/** The reason why a text is not a valid pattern; undefined when it is valid. */
export function timePatternProblem(pattern: string): string | undefined {
  const compiled = compile(pattern);
  return typeof compiled === 'string' ? compiled : undefined;
}

export function timePatternParser(pattern: string, zone: Zone): InstantParser {
  const compiled = compile(pattern);
  if (typeof compiled === 'string') throw new RangeError(compiled);
  let lastText = '';
  let last = Number.NaN;
  return {
    read(bytes, from, to) {
      if (to - from > 100) return Number.NaN;
      const text = textOf(bytes, from, to);
      if (text === lastText) return last;
      const civil = civilOf(compiled, text);
      last = civil === undefined ? Number.NaN : microsOf(civil, zone);
      lastText = text;
      return last;
    },
    problem(bytes, from, to) {
      const civil = civilOf(compiled, textOf(bytes, from, to));
      return civil === undefined ? `is not written as ${pattern}` : civilProblem(civil, zone);
    },
  };
}

function compile(pattern: string): Pattern | string {
  const sets: Pattern['sets'][number][] = [];
  const seen = new Set<string>();
  let form = '';
  for (const [part] of pattern.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z]/g)) {
    if (/^[^A-Za-z']/.test(part)) {
      form += escaped(part);
      continue;
    }
    if (part[0] === "'") {
      if (part.length === 1) return `a single quote is not closed in the pattern ${pattern}`;
      form += escaped(part === "''" ? "'" : part.slice(1, -1).replaceAll("''", "'"));
      continue;
    }
    if (part === 'T') {
      form += '[Tt]';
      continue;
    }
    const name = /^S+$/.test(part) ? 'S' : /^E+$/.test(part) ? 'E' : /^[XZ]+$/.test(part) ? 'Z' : part;
    const token = name === 'S' ? { find: '(\\d{1,9})', set: setFraction } : tokens[name];
    if (token === undefined) return `the pattern ${pattern} holds ${part}; it may hold ${known}`;
    if (seen.has(name.toLowerCase() === 'h' ? 'h' : name[0])) return `the pattern ${pattern} holds ${part[0]} twice`;
    seen.add(name[0]);
    form += token.find;
    sets.push(token.set);
  }
  for (const needed of ['y', 'M', 'd']) {
    if (!seen.has(needed))
      return `the pattern ${pattern} names no ${{ y: 'year (yyyy)', M: 'month (MM)', d: 'day (dd)' }[needed]}`;
  }
  if (seen.has('h') !== seen.has('a')) return `the pattern ${pattern} must hold both h and a, or neither`;
  return { form: new RegExp(`^${form}$`), sets, twelve: seen.has('h') };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function civilOf({ form, sets, twelve }: Pattern, text: string): Civil | undefined {
  const found = form.exec(text);
  if (found === null) return undefined;
  const parts: Parts = {
    year: 0,
    month: 0,
    day: 0,
    hour: 0,
    minute: 0,
    second: 0,
    fraction: 0,
    offset: undefined,
    half: undefined,
  };
  sets.forEach((set, i) => {
    set(parts, found[i + 1]);
  });
  if (twelve) {
    // On a 12-hour clock, 12 means hour 0; 0 and 13 are invalid.
    if (parts.hour < 1 || parts.hour > 12) parts.hour = 99;
    else parts.hour = (parts.hour % 12) + (parts.half === 'pm' ? 12 : 0);
  }
  return parts;
}
