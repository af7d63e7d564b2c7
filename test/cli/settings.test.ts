import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { helpText, settingsTable } from '../../src/cli/help.ts';
import { environmentOf, flagOf, readConfig, type Setting, settings } from '../../src/config.ts';

/** For every setting something that it takes beside its default, and things that it refuses. A new one needs a line here. */
const table: Record<string, { takes: string; gives: unknown; refuses: string[] }> = {
  PORT: { takes: '0', gives: 0, refuses: ['-1', '65536', '80.5', 'http', '1e3', ' 80', '0x50'] },
  HOST: { takes: '0.0.0.0', gives: '0.0.0.0', refuses: ['two words', '\t'] },
  DATABASE_URL: {
    takes: 'postgresql://a:b@db:5432/t',
    gives: 'postgresql://a:b@db:5432/t',
    refuses: ['mysql://a@b/c', 'localhost:5432', 'db', 'redis://x'],
  },
  REDIS_URL: { takes: 'rediss://r:6380', gives: 'rediss://r:6380', refuses: ['http://r', 'localhost:6379', 'r'] },
  SQL_READER: {
    takes: 'grafana_1',
    gives: 'grafana_1',
    refuses: ['Reader', 'two words', 'pg_reader', '1st', 'a-b', 'a'.repeat(64)],
  },
  SQL_READER_PASSWORD: {
    takes: 'correct-horse!',
    gives: 'correct-horse!',
    refuses: ['short', 'with a space in', 'pässwörter-ohne'],
  },
  TIDEMARK_HOME: { takes: '/var/lib/tidemark', gives: '/var/lib/tidemark', refuses: [] },
  ROLE: { takes: 'worker', gives: 'worker', refuses: ['API', 'both', 'all,api'] },
  ALLOWED_ORIGINS: {
    takes: 'https://a.example, http://b:3000/',
    gives: ['https://a.example', 'http://b:3000'],
    refuses: ['a.example', 'https://a.example/path', '*.example', 'https://a b'],
  },
  CLIENT_HEADER: {
    takes: 'X-Forwarded-For',
    gives: 'x-forwarded-for',
    refuses: ['x forwarded', 'x-user:', 'é'],
  },
  DATABASE_CONNECTIONS: { takes: '20', gives: 20, refuses: ['1', '501', 'many'] },
  WORKER_CONCURRENCY: { takes: '4', gives: 4, refuses: ['0', '101'] },
  BODY_MB_MAX: { takes: '2', gives: 2_000_000, refuses: ['0', '1001', '1.5', '64MB'] },
  SOCKETS_PER_CLIENT: { takes: '10', gives: 10, refuses: ['0', '1000001'] },
  OPERATIONS_PER_SOCKET: { takes: '10', gives: 10, refuses: ['0', '100001'] },
  SLOW_CLIENT_SECONDS: { takes: '5', gives: 5_000, refuses: ['0', '3601', '1.5'] },
  POINTS_PER_CALL_MAX: { takes: '10', gives: 10, refuses: ['0', '100000001'] },
  SAMPLES_MAX: { takes: '1000', gives: 1_000, refuses: ['999', '10000001'] },
  CANDLES_MAX: { takes: '5', gives: 5, refuses: ['0', '10000001'] },
  PAGE_MAX: { takes: '100', gives: 100, refuses: ['99', '1000001'] },
  EVALUATE_POINTS_MAX: { takes: '1000', gives: 1_000, refuses: ['999', '1000000001', '5e6'] },
  HISTORY_DAYS: { takes: '30', gives: 30, refuses: ['0', '36501', 'forever'] },
  UPLOADS: { takes: '/srv/uploads', gives: '/srv/uploads', refuses: [] },
  UPLOAD_GB_MAX: { takes: '5', gives: 5_000_000_000, refuses: ['0', '100001', '1.5', '5GB'] },
  UPLOAD_EXPIRY_HOURS: { takes: '48', gives: 48, refuses: ['0', '8761', 'never'] },
  UPLOAD_DAYS: { takes: '7', gives: 7, refuses: ['0', '36501', '1.5'] },
  LOG_LEVEL: { takes: 'debug', gives: 'debug', refuses: ['verbose', 'INFO'] },
  DEMO_INSTRUMENTS: { takes: '100', gives: 100, refuses: ['-1', '10001'] },
};

it('the table above has a line for every setting', () => {
  expect(Object.keys(table).sort()).toEqual(settings.map(({ env }) => env).sort());
});

describe.each(settings.map((entry): [string, Setting] => [entry.env, entry]))('%s', (env, entry) => {
  const { takes, gives, refuses } = table[env];
  const flag = flagOf(entry);

  it('takes its values, as a variable and as an option', () => {
    expect(readConfig(new Map(), { [env]: takes })[entry.name]).toEqual(gives);
    expect(readConfig(new Map([[flag, takes]]), {})[entry.name]).toEqual(gives);
    expect(readConfig(parseCommandLine(['serve', `${flag}=${takes}`]).flags, {})[entry.name]).toEqual(gives);
  });

  it('refuses others by the name under which they were given, and quotes them unless they are secret', () => {
    for (const wrong of refuses) {
      expect(() => readConfig(new Map(), { [env]: wrong })).toThrow(`${env} must be `);
      const shown = entry.secret ? '***' : wrong.slice(0, 80);
      expect(() => readConfig(new Map(), { [env]: wrong })).toThrow(`it is '${shown}'`);
      expect(() => readConfig(new Map([[flag, wrong]]), {})).toThrow(new RegExp(`^${flag} must be .*; it is '`));
    }
  });

  it('is in --help and in the README, with its meaning and default', () => {
    const [line] = helpText().match(new RegExp(`^ {2}${flag} <.*$`, 'm')) ?? [''];
    for (const part of [env, entry.meaning, entry.fallback || '']) expect(line).toContain(part);
    expect(entry.meaning).toMatch(/^[A-Z].*\.$/);
    expect(settingsTable()).toContain(`| \`${env}\` | \`${flag}\` |`);
  });
});

it('options become the variables that say the same', () => {
  const flags = new Map(settings.map((entry) => [flagOf(entry), table[entry.env].takes]));
  expect(readConfig(new Map(), environmentOf(flags))).toEqual(readConfig(flags, {}));
  expect(environmentOf(new Map())).toEqual({});
});

it('--version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(execFileSync(process.execPath, ['bin/tidemark.js', '--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
});

it('words that are no command, option or value are refused with what was meant', () => {
  expect(() => parseCommandLine(['serve', '--databse-url', 'x'])).toThrow('Did you mean --database-url?');
  expect(() => parseCommandLine(['serve', '--nothing-like-it'])).toThrow(
    'There is no option --nothing-like-it. See --help.',
  );
  expect(() => parseCommandLine(['serve', '--port'])).toThrow('--port needs a value');
  expect(() => parseCommandLine(['serve', 'migrate'])).toThrow('One command at a time');
  expect(parseCommandLine(['-h']).help).toBe(true);
});
