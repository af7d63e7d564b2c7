import { flagOf, settings } from '../config.ts';

export interface Command {
  readonly name: string;
  readonly meaning: string;
}

export const commands: readonly Command[] = [
  { name: 'serve', meaning: 'Run the server: the API, a worker, or both.' },
  {
    name: 'import',
    meaning: 'Send files of ticks to a server, and import them. See tidemark import --help for its options.',
  },
  { name: 'migrate', meaning: 'Bring the tables of the database up to date, and end. (serve does so by itself.)' },
  { name: 'doctor', meaning: 'Check this machine and the settings, and say what to do about what is wrong.' },
  { name: 'print-schema', meaning: 'Print the GraphQL schema.' },
];

function fallbackOf(fallback: string | undefined): string {
  return fallback === undefined || fallback === '' ? '' : ` (${fallback})`;
}

export function helpText(): string {
  const width = Math.max(...settings.map((entry) => `${flagOf(entry)} <${entry.value}>`.length));
  const envWidth = Math.max(...settings.map((entry) => entry.env.length));
  const lines = settings.map(
    (entry) =>
      `  ${`${flagOf(entry)} <${entry.value}>`.padEnd(width)}  ${entry.env.padEnd(envWidth)}  ${entry.meaning}${fallbackOf(entry.fallback)}`,
  );
  return [
    'Tidemark: a GraphQL server for price series.',
    '',
    'Usage: tidemark <command> [options]',
    '',
    'Commands:',
    ...commands.map(({ name, meaning }) => `  ${name.padEnd(12)}  ${meaning}`),
    '',
    'Options, each also an environment variable (an option wins; defaults in parentheses):',
    ...lines,
    `  ${'--help'.padEnd(width)}  ${''.padEnd(envWidth)}  This text.`,
    `  ${'--version'.padEnd(width)}  ${''.padEnd(envWidth)}  The version.`,
    '',
    'Exit codes: 0 all well, 1 it failed, 2 it was called wrongly.',
    '',
  ].join('\n');
}

/** The table of settings for the README. */
export function settingsTable(): string {
  const rows = settings.map(
    (entry) =>
      `| \`${entry.env}\` | \`${flagOf(entry)}\` | ${entry.fallback ? `\`${entry.fallback}\`` : ''} | ${entry.meaning.replaceAll('|', '\\|')} |`,
  );
  return ['| variable | option | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
