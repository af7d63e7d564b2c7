import { Fault } from '../engine/fault.ts';
import {
  type ColumnRole,
  columnRoles,
  fileFormats,
  type ImportColumn,
  type ImportInput,
} from '../imports/import-input.ts';
import { suggestion } from './command-line.ts';
import { tokensOf } from './command-line-tokens.ts';

/** The options that say how to read the files. The server guesses the rest. */
export type ImportFlags = { -readonly [Name in keyof ImportInput]?: ImportInput[Name] };

export interface ImportCommand {
  readonly files: readonly string[];
  /** The address of the server, without /graphql. */
  readonly server: URL;
  readonly input: ImportFlags;
  readonly json: boolean;
  readonly help: boolean;
  /** The import to commit or to undo. No files are sent then. */
  readonly commit: string | undefined;
  readonly undo: string | undefined;
}

interface Said {
  server: string;
  json: boolean;
  help: boolean;
  commit: string | undefined;
  undo: string | undefined;
  input: ImportFlags;
  columns: ImportColumn[];
}

interface Option {
  readonly flag: string;
  /** The placeholder for its value in the help; undefined for a flag. */
  readonly value: string | undefined;
  readonly meaning: string;
  /** Describes the valid values if this value is invalid. */
  readonly read: (said: Said, text: string) => string | undefined;
}

const mapping = new RegExp(`^(.+?)=(${columnRoles.join('|')})(?::(.+))?$`, 'is');

function map(said: Said, text: string): string | undefined {
  const [, column, given, series] = mapping.exec(text) ?? [];
  const role = columnRoles.find((name) => name === given?.toUpperCase());
  if (role === undefined || (series !== undefined && !takesSeries(role)))
    return `column=ROLE, with ROLE one of ${columnRoles.join(', ')}, or column=VALUE:series, column=SIZE:series`;
  said.columns.push(series === undefined ? { column, role } : { column, role, series });
  return undefined;
}

function takesSeries(role: ColumnRole): boolean {
  return role === 'VALUE' || role === 'SIZE';
}

function word(name: 'series' | 'encoding' | 'timeFormat' | 'timeZone' | 'note') {
  return (said: Said, text: string) => {
    if (text === '') return 'something';
    said.input[name] = text;
    return undefined;
  };
}

function character(name: 'delimiter' | 'quote') {
  return (said: Said, text: string) => {
    const given = text === 'tab' || text === '\\t' ? '\t' : text;
    if (given.length !== 1) return "one character, or the word 'tab'";
    said.input[name] = given;
    return undefined;
  };
}

function yesOrNo(name: 'header' | 'decimalComma') {
  return (said: Said, text: string) => {
    if (text !== 'yes' && text !== 'no') return 'yes or no';
    said.input[name] = text === 'yes';
    return undefined;
  };
}

function flag(name: 'createMissing' | 'partial' | 'previewOnly') {
  return (said: Said) => {
    said.input[name] = true;
    return undefined;
  };
}

function own<Name extends 'server' | 'commit' | 'undo'>(name: Name) {
  return (said: Said, text: string) => {
    if (text === '') return 'something';
    said[name] = text;
    return undefined;
  };
}

export const importOptions: readonly Option[] = [
  {
    flag: '--url',
    value: 'url',
    meaning: 'Where the server is (http://localhost:4000).',
    read: own('server'),
  },
  { flag: '--series', value: 'key', meaning: 'The series of all rows, where no column says it.', read: word('series') },
  {
    flag: '--map',
    value: 'column=ROLE',
    meaning: `What a column says: ${columnRoles.join(', ')}; or price=VALUE:BTC-USD. Any number of times.`,
    read: map,
  },
  {
    flag: '--create-missing',
    value: undefined,
    meaning: 'Make the series that do not exist; without it their rows are refused.',
    read: flag('createMissing'),
  },
  {
    flag: '--partial',
    value: undefined,
    meaning: 'Leave out the rows that are refused; without it one of them fails the whole file.',
    read: flag('partial'),
  },
  {
    flag: '--preview',
    value: undefined,
    meaning: 'Write nothing; show how the file is read and what would become of it.',
    read: flag('previewOnly'),
  },
  { flag: '--note', value: 'text', meaning: 'A note for the commits.', read: word('note') },
  {
    flag: '--format',
    value: fileFormats.join('|'),
    meaning: 'What the file is. TSV is CSV with another delimiter.',
    read: (said, text) => {
      const format = fileFormats.find((name) => name === text.toUpperCase());
      if (format === undefined) return fileFormats.join(' or ');
      said.input.format = format;
      return undefined;
    },
  },
  { flag: '--delimiter', value: 'character', meaning: 'What separates cells.', read: character('delimiter') },
  { flag: '--quote', value: 'character', meaning: 'What encloses cells.', read: character('quote') },
  { flag: '--header', value: 'yes|no', meaning: 'Whether the first line names the columns.', read: yesOrNo('header') },
  {
    flag: '--decimal-comma',
    value: 'yes|no',
    meaning: 'Whether numbers are written 1,5 rather than 1.5.',
    read: yesOrNo('decimalComma'),
  },
  { flag: '--encoding', value: 'name', meaning: 'Such as utf-8 or windows-1252.', read: word('encoding') },
  {
    flag: '--time-format',
    value: 'format',
    meaning: 'RFC3339, SECONDS, MILLIS, MICROS, NANOS, or a pattern such as dd.MM.yyyy HH:mm:ss.',
    read: word('timeFormat'),
  },
  {
    flag: '--time-zone',
    value: 'zone',
    meaning: 'The zone of instants that name none, such as Europe/Berlin (UTC).',
    read: word('timeZone'),
  },
  { flag: '--commit', value: 'id', meaning: 'Instead of files: write what was previewed.', read: own('commit') },
  { flag: '--undo', value: 'id', meaning: 'Instead of files: take back what an import wrote.', read: own('undo') },
  {
    flag: '--json',
    value: undefined,
    meaning: 'One line of JSON for each file, and nothing else on standard output.',
    read: (said) => {
      said.json = true;
      return undefined;
    },
  },
  {
    flag: '--help',
    value: undefined,
    meaning: 'This text.',
    read: (said) => {
      said.help = true;
      return undefined;
    },
  },
];

function wrong(message: string): Fault {
  return new Fault('BAD_USER_INPUT', message);
}

function serverOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw wrong(`--url must be an address that begins with http:// or https://; it is '${text.slice(0, 80)}'.`);
  url.pathname = url.pathname.replace(/\/graphql\/?$/, '').replace(/\/?$/, '/');
  return url;
}

/** Parses the arguments of `tidemark import`. */
export function parseImportCommand(words: readonly string[]): ImportCommand {
  const said: Said = {
    server: 'http://localhost:4000',
    json: false,
    help: false,
    commit: undefined,
    undo: undefined,
    input: {},
    columns: [],
  };
  const flags = importOptions.map((option) => option.flag);
  const flagsWithValue = importOptions.filter(({ value }) => value !== undefined).map(({ flag }) => flag);
  const files: string[] = [];
  const terminator = words.indexOf('--');
  for (const token of tokensOf(words, flagsWithValue)) {
    if (token.kind === 'positional') {
      const isFile = token.value !== '-' || (terminator >= 0 && token.index > terminator);
      if (!isFile) throw wrong('A file is needed that can be read twice; standard input (-) is not taken.');
      files.push(token.value);
      continue;
    }
    const name = token.name === '-h' ? '--help' : token.name;
    const option = importOptions.find((known) => known.flag === name);
    if (option === undefined)
      throw wrong(`import has no option ${name}.${suggestion(name, flags)} See tidemark import --help.`);
    if (option.value === undefined && token.value !== undefined) throw wrong(`The option ${name} takes no value.`);
    if (option.value !== undefined && token.value === undefined) throw wrong(`The option ${name} needs a value.`);
    const text = token.value ?? '';
    const needed = option.read(said, text);
    if (needed !== undefined) throw wrong(`${name} must be ${needed}; it is '${text.slice(0, 80)}'.`);
  }
  const { commit, undo, json, help, input, columns } = said;
  const works = [files.length > 0, commit !== undefined, undo !== undefined].filter(Boolean).length;
  if (works === 0 && !help) throw wrong('Which files? tidemark import FILE... (see tidemark import --help)');
  if (works > 1) throw wrong('Files, --commit and --undo each need a call of their own.');
  return {
    files,
    server: serverOf(said.server),
    input: columns.length > 0 ? { ...input, columns } : input,
    json,
    help,
    commit,
    undo,
  };
}

export function importHelp(): string {
  const written = importOptions.map(({ flag, value }) => (value === undefined ? flag : `${flag} <${value}>`));
  const width = Math.max(...written.map((text) => text.length));
  return [
    'Sends files of ticks to a server and imports them: CSV, TSV and NDJSON, each of them gzipped too.',
    '',
    'Usage: tidemark import FILE... [options]',
    '       tidemark import --commit <id> [options]',
    '       tidemark import --undo <id>',
    '',
    'How a file is to be read is guessed; --preview shows the guess. Stopped at any moment (Ctrl-C), the same command',
    'goes on where it was. What was imported already is not imported again.',
    '',
    'Options (defaults in parentheses):',
    ...importOptions.map(({ meaning }, i) => `  ${written[i].padEnd(width)}  ${meaning}`),
    '',
    'Exit codes: 0 all well, 1 it failed, 2 it was called wrongly, 130 it was stopped.',
    '',
  ].join('\n');
}
