import { flagOf, settings } from '../config.ts';
import { Fault } from '../engine/fault.ts';

export interface CommandLine {
  readonly command: string | undefined;
  readonly flags: ReadonlyMap<string, string>;
  readonly help: boolean;
  readonly version: boolean;
  /** The arguments of a command that has its own options. */
  readonly rest: readonly string[];
}

/** The edit distance between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

export function suggestion(given: string, known: readonly string[]): string {
  const [nearest] = [...known].sort((a, b) => distance(given, a) - distance(given, b));
  return nearest !== undefined && distance(given, nearest) <= 3 ? ` Did you mean ${nearest}?` : '';
}

/** Commands with options other than the settings. */
const apart = ['import'];

/** Parses a command and its options, `--name value` or `--name=value`. */
export function parseCommandLine(words: readonly string[]): CommandLine {
  const known = settings.map(flagOf);
  const flags = new Map<string, string>();
  let command: string | undefined;
  let help = false;
  let version = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--help' || word === '-h') help = true;
    else if (word === '--version' || word === '-v') version = true;
    else if (word.startsWith('-')) {
      const [flag, inline] = word.split(/=(.*)/s);
      if (!known.includes(flag))
        throw new Fault('BAD_USER_INPUT', `There is no option ${flag}.${suggestion(flag, known)} See --help.`);
      const value = inline ?? words[++i];
      if (value === undefined) throw new Fault('BAD_USER_INPUT', `The option ${flag} needs a value.`);
      flags.set(flag, value);
    } else if (command === undefined) {
      command = word;
      if (apart.includes(word)) return { command, flags, help, version, rest: words.slice(i + 1) };
    } else throw new Fault('BAD_USER_INPUT', `One command at a time: ${command}, or ${word}?`);
  }
  return { command, flags, help, version, rest: [] };
}
