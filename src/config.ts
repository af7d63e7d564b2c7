import { join, resolve } from 'node:path';
import { Fault } from './engine/fault.ts';

type ProcessRole = 'all' | 'api' | 'worker';

const logLevels = ['debug', 'info', 'warn', 'error'] as const;

type LogLevel = (typeof logLevels)[number];

export interface Config {
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string | undefined;
  readonly redisUrl: string | undefined;
  readonly sqlReader: string | undefined;
  readonly sqlReaderPassword: string | undefined;
  readonly home: string;
  readonly role: ProcessRole;
  readonly allowedOrigins: readonly string[];
  readonly clientHeader: string | undefined;
  readonly databaseConnections: number;
  readonly workerConcurrency: number;
  readonly bodyBytesMax: number;
  readonly socketsPerClient: number;
  readonly operationsPerSocket: number;
  readonly slowMillis: number;
  readonly pointsPerCallMax: number;
  readonly samplesMax: number;
  readonly candlesMax: number;
  readonly pageMax: number;
  readonly evaluatePointsMax: number;
  readonly historyDays: number | undefined;
  readonly uploads: string | undefined;
  readonly uploadBytesMax: number;
  readonly uploadExpiryHours: number;
  readonly uploadDays: number;
  readonly logLevel: LogLevel;
  readonly demoInstruments: number;
}

/** A setting: an option and an environment variable with the same meaning. The option wins. */
export interface Setting<Name extends keyof Config = keyof Config> {
  readonly name: Name;
  readonly env: string;
  /** The placeholder for its value in the help. */
  readonly value: string;
  /** The default, as a user would write it; undefined for none. */
  readonly fallback: string | undefined;
  /** Errors do not quote its value. */
  readonly secret?: true;
  readonly meaning: string;
  readonly parse: (text: string) => Config[Name] | { readonly problem: string };
}

export function flagOf(setting: Pick<Setting, 'env'>): string {
  return `--${setting.env
    .toLowerCase()
    .replace(/^tidemark_/, '')
    .replaceAll('_', '-')}`;
}

function whole(least: number, most: number, times = 1) {
  return (text: string) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most)
      return { problem: `a whole number from ${least} to ${most}` };
    return number * times;
  };
}

function url(...protocols: string[]) {
  return (text: string) => {
    try {
      if (protocols.includes(new URL(text).protocol)) return text;
    } catch {
      // The message below names the valid protocols.
    }
    return { problem: `a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}` };
  };
}

function setting<Name extends keyof Config>(entry: Setting<Name>): Setting {
  return entry as unknown as Setting;
}

/** All settings. The help, the README and the checks are generated from this table. */
export const settings: readonly Setting[] = [
  setting({
    name: 'port',
    env: 'PORT',
    value: 'number',
    fallback: '4000',
    meaning: 'The port that the API listens on.',
    parse: whole(0, 65_535),
  }),
  setting({
    name: 'host',
    env: 'HOST',
    value: 'address',
    fallback: '127.0.0.1',
    meaning: 'The address that the API listens on; 0.0.0.0 for all.',
    parse: (text) => (text === '' || /\s/.test(text) ? { problem: 'a host name or an address' } : text),
  }),
  setting({
    name: 'databaseUrl',
    env: 'DATABASE_URL',
    value: 'url',
    fallback: undefined,
    meaning: 'A PostgreSQL server, 15 or later. Without it Tidemark starts an embedded one.',
    parse: url('postgres:', 'postgresql:'),
  }),
  setting({
    name: 'redisUrl',
    env: 'REDIS_URL',
    value: 'url',
    fallback: undefined,
    meaning: 'A Redis server for queues and pub/sub. Without it PostgreSQL serves both.',
    parse: url('redis:', 'rediss:'),
  }),
  setting({
    name: 'sqlReader',
    env: 'SQL_READER',
    value: 'name',
    fallback: undefined,
    meaning:
      'The name of a PostgreSQL role for psql, Grafana and BI tools, which the API creates. The role can read all series in the view points, and nothing else.',
    parse: (text) =>
      /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(text)
        ? text
        : { problem: 'a name of up to 63 small letters, digits and underscores, such as reader' },
  }),
  setting({
    name: 'sqlReaderPassword',
    env: 'SQL_READER_PASSWORD',
    value: 'password',
    fallback: undefined,
    secret: true,
    meaning:
      'The password of SQL_READER. Other users of the machine can read the options of a process: prefer the variable.',
    parse: (text) =>
      /^[!-~]{12,200}$/.test(text) ? text : { problem: '12 to 200 letters, digits and signs of ASCII, without spaces' },
  }),
  setting({
    name: 'home',
    env: 'TIDEMARK_HOME',
    value: 'folder',
    fallback: '.tidemark',
    meaning: 'The folder for the data of the embedded PostgreSQL and for uploads.',
    parse: (text) => (text === '' ? { problem: 'a folder' } : text),
  }),
  setting({
    name: 'role',
    env: 'ROLE',
    value: 'all|api|worker',
    fallback: 'all',
    meaning: 'What to run: the API, a worker, or both as two processes.',
    parse: (text) => (text === 'all' || text === 'api' || text === 'worker' ? text : { problem: 'all, api or worker' }),
  }),
  setting({
    name: 'allowedOrigins',
    env: 'ALLOWED_ORIGINS',
    value: 'list',
    fallback: '',
    meaning: 'Origins whose pages may use the API, in addition to localhost, separated by commas; * allows all.',
    parse: (text) => {
      const origins = text.split(',').map((origin) => origin.trim().replace(/\/$/, ''));
      const wrong = origins.find((origin) => origin !== '' && origin !== '*' && !/^https?:\/\/[^/\s]+$/.test(origin));
      return wrong === undefined
        ? origins.filter((origin) => origin !== '')
        : { problem: `origins like https://charts.example.com (not ${wrong})` };
    },
  }),
  setting({
    name: 'clientHeader',
    env: 'CLIENT_HEADER',
    value: 'name',
    fallback: undefined,
    meaning:
      'The header in which a proxy names the client, such as x-forwarded-for or x-forwarded-user; its last name counts. Without it, a client is known by its address.',
    parse: (text) =>
      /^[\w-]+$/.test(text) ? text.toLowerCase() : { problem: 'the name of a header, as x-forwarded-for' },
  }),
  setting({
    name: 'databaseConnections',
    env: 'DATABASE_CONNECTIONS',
    value: 'number',
    fallback: '8',
    meaning:
      'Connections of one process to PostgreSQL for commits and block reads. Up to eight more serve the catalogue and the bell.',
    parse: whole(2, 500),
  }),
  setting({
    name: 'workerConcurrency',
    env: 'WORKER_CONCURRENCY',
    value: 'number',
    fallback: '2',
    meaning: 'Concurrent jobs of one worker.',
    parse: whole(1, 100),
  }),
  setting({
    name: 'bodyBytesMax',
    env: 'BODY_MB_MAX',
    value: 'megabytes',
    fallback: '64',
    meaning: 'The limit for the body of a request, in MB.',
    parse: whole(1, 1_000, 1_000_000),
  }),
  setting({
    name: 'socketsPerClient',
    env: 'SOCKETS_PER_CLIENT',
    value: 'number',
    fallback: '1000',
    meaning:
      'Concurrent WebSockets and event streams of one client. The server closes a further one with code 4430, or answers 429.',
    parse: whole(1, 1_000_000),
  }),
  setting({
    name: 'operationsPerSocket',
    env: 'OPERATIONS_PER_SOCKET',
    value: 'number',
    fallback: '200',
    meaning: 'Concurrent operations on one WebSocket. A further one closes it with code 4431.',
    parse: whole(1, 100_000),
  }),
  setting({
    name: 'slowMillis',
    env: 'SLOW_CLIENT_SECONDS',
    value: 'seconds',
    fallback: '20',
    meaning:
      'Seconds without reading after which the server disconnects a client; a WebSocket is closed with code 4432.',
    parse: whole(1, 3_600, 1_000),
  }),
  setting({
    name: 'pointsPerCallMax',
    env: 'POINTS_PER_CALL_MAX',
    value: 'number',
    fallback: '1000000',
    meaning: 'The limit of ticks in one call.',
    parse: whole(1, 100_000_000),
  }),
  setting({
    name: 'samplesMax',
    env: 'SAMPLES_MAX',
    value: 'number',
    fallback: '250000',
    meaning: 'The limit of samples in one field, thinned or not.',
    parse: whole(1_000, 10_000_000),
  }),
  setting({
    name: 'candlesMax',
    env: 'CANDLES_MAX',
    value: 'number',
    fallback: '50000',
    meaning: 'The limit of candles in one field.',
    parse: whole(1, 10_000_000),
  }),
  setting({
    name: 'pageMax',
    env: 'PAGE_MAX',
    value: 'number',
    fallback: '10000',
    meaning: 'The limit of points in one page of a connection.',
    parse: whole(100, 1_000_000),
  }),
  setting({
    name: 'evaluatePointsMax',
    env: 'EVALUATE_POINTS_MAX',
    value: 'number',
    fallback: '5000000',
    meaning:
      'The limit of points that evaluate and explain may process in one operation. A point counts once for each operator that it passes.',
    parse: whole(1_000, 1_000_000_000),
  }),
  setting({
    name: 'historyDays',
    env: 'HISTORY_DAYS',
    value: 'days',
    fallback: undefined,
    meaning: 'Days for which replaced and deleted values can be read with asOf. Without it they are kept for ever.',
    parse: whole(1, 36_500),
  }),
  setting({
    name: 'uploads',
    env: 'UPLOADS',
    value: 'folder',
    fallback: undefined,
    meaning: 'The folder for the bytes of uploads, shared by all processes. The default is uploads in TIDEMARK_HOME.',
    parse: (text) => (text === '' ? { problem: 'a folder' } : text),
  }),
  setting({
    name: 'uploadBytesMax',
    env: 'UPLOAD_GB_MAX',
    value: 'GB',
    fallback: '100',
    meaning: 'The limit for the size of a file, in GB.',
    parse: whole(1, 100_000, 1_000_000_000),
  }),
  setting({
    name: 'uploadExpiryHours',
    env: 'UPLOAD_EXPIRY_HOURS',
    value: 'hours',
    fallback: '24',
    meaning: 'Hours without data after which an unfinished upload is deleted.',
    parse: whole(1, 8_760),
  }),
  setting({
    name: 'uploadDays',
    env: 'UPLOAD_DAYS',
    value: 'days',
    fallback: '30',
    meaning: 'Days for which the bytes of an upload are kept after the end of its last import.',
    parse: whole(1, 36_500),
  }),
  setting({
    name: 'logLevel',
    env: 'LOG_LEVEL',
    value: logLevels.join('|'),
    fallback: 'info',
    meaning: 'The least level of log lines on standard error; debug adds a line for each request.',
    parse: (text) => logLevels.find((level) => level === text) ?? { problem: logLevels.join(', ') },
  }),
  setting({
    name: 'demoInstruments',
    env: 'DEMO_INSTRUMENTS',
    value: 'number',
    fallback: '0',
    meaning: 'Simulated instruments with a day of history that tick once a second.',
    parse: whole(0, 10_000),
  }),
];

/** The given options as environment variables, for a child process with the same settings. */
export function environmentOf(flags: ReadonlyMap<string, string>): Record<string, string> {
  const given = settings.map((entry) => [entry.env, flags.get(flagOf(entry))]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** Reads the settings. Only this function reads the environment. */
export function readConfig(flags: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv = process.env): Config {
  const config: Record<string, unknown> = {};
  for (const entry of settings) {
    const flag = flagOf(entry);
    const fromFlag = flags.get(flag);
    const fromEnv = env[entry.env] === '' ? undefined : env[entry.env];
    const text = fromFlag ?? fromEnv ?? entry.fallback;
    if (text === undefined) continue;
    const value = entry.parse(text);
    if (typeof value === 'object' && 'problem' in value) {
      throw new Fault(
        'BAD_USER_INPUT',
        `${fromFlag === undefined ? entry.env : flag} must be ${value.problem}; it is '${entry.secret ? '***' : text.slice(0, 80)}'.`,
      );
    }
    config[entry.name] = value;
  }
  return config as unknown as Config;
}

/** The folder for the bytes of uploads. */
export function uploadsFolder({ uploads, home }: Pick<Config, 'uploads' | 'home'>): string {
  return resolve(uploads ?? join(home, 'uploads'));
}

/** The setting that determines the folder for the bytes of uploads. */
export function uploadsSetting({ uploads }: Pick<Config, 'uploads'>): 'UPLOADS' | 'TIDEMARK_HOME' {
  return uploads === undefined ? 'TIDEMARK_HOME' : 'UPLOADS';
}

/** The role of SQL_READER, which needs a password. */
export function sqlReaderOf({ sqlReader, sqlReaderPassword }: Pick<Config, 'sqlReader' | 'sqlReaderPassword'>) {
  if (sqlReader === undefined) return undefined;
  if (sqlReaderPassword === undefined)
    throw new Fault('BAD_USER_INPUT', 'SQL_READER needs a password: set SQL_READER_PASSWORD, or leave SQL_READER out.');
  return { name: sqlReader, password: sqlReaderPassword };
}
