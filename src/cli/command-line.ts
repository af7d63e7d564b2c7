import { flagOf, settings } from '../config.ts';
import { Fault } from '../engine/fault.ts';
import { tokensOf } from './command-line-tokens.ts';

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
  for (const token of tokensOf(words, known)) {
    if (token.kind === 'positional') {
      if (command !== undefined)
        throw new Fault('BAD_USER_INPUT', `One command at a time: ${command}, or ${token.value}?`);
      command = token.value;
      if (apart.includes(command)) return { command, flags, help, version, rest: words.slice(token.index + 1) };
    } else if (token.name === '--help' || token.name === '-h') help = true;
    else if (token.name === '--version' || token.name === '-v') version = true;
    else if (!known.includes(token.name))
      throw new Fault(
        'BAD_USER_INPUT',
        `There is no option ${token.name}.${suggestion(token.name, known)} See --help.`,
      );
    else if (token.value === undefined) throw new Fault('BAD_USER_INPUT', `The option ${token.name} needs a value.`);
    else flags.set(token.name, token.value);
  }
  return { command, flags, help, version, rest: [] };
}
