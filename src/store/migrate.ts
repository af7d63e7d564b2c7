import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { Fault } from '../engine/fault.ts';
import { applySqlFiles } from './apply-sql-files.ts';
import { completeEarlyEditions } from './early-editions.ts';
import { errorCodeOf, retryOnConnectionLoss } from './retry.ts';
import { readSqlFiles } from './sql-files.ts';

const serverVersionMin = 15;

/** The fault for a server that cannot be used. `setting` names the setting that led to it. */
function connectionFault(url: string, error: unknown): Fault {
  const code = errorCodeOf(error);
  const where = describeUrl(url);
  const reason = error instanceof Error ? error.message : String(error);
  if (code === '28P01' || code === '28000') {
    return new Fault(
      'UNAVAILABLE',
      `DATABASE_URL: ${where} refuses this user or password (${reason}). Correct them in the URL.`,
    );
  }
  if (code === '3D000') {
    return new Fault(
      'UNAVAILABLE',
      `DATABASE_URL: ${where} has no such database. Create it (createdb) or correct the URL.`,
    );
  }
  if (code === '42501') {
    return new Fault(
      'UNAVAILABLE',
      `DATABASE_URL: at ${where} this user may not create tables (${reason}). Make it the owner of the database, or GRANT CREATE on the database and its schema public to it.`,
    );
  }
  if (code === '53100') return new Fault('UNAVAILABLE', `DATABASE_URL: ${where} has no disk space left. Free some.`);
  return new Fault(
    'UNAVAILABLE',
    `DATABASE_URL: no answer from PostgreSQL at ${where} (${code ?? reason}). Start it, correct the URL, or leave DATABASE_URL out to use the embedded one.`,
  );
}

/** Host, port and database of a URL, without its password. */
export function describeUrl(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.hostname || 'localhost'}:${parsed.port || '5432'}${parsed.pathname}`;
  } catch {
    return 'the given URL (which is not one: postgres://user:password@host:5432/database)';
  }
}

export interface MigrateOptions {
  readonly url: string;
  /** The folder of the migrations: tables and changes of data. */
  readonly migrations: string;
  /** The folder of the SQL files: functions and views. Without it, those of the migrations stay. */
  readonly functions: string | undefined;
  readonly patienceMillis?: number;
}

/**
 * Checks the server and brings its tables, then its functions and views, up to date. Processes that start together queue
 * on an advisory lock, which the server releases when the connection ends.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { url, migrations, functions, patienceMillis = 10_000 } = options;
  let client: postgres.Sql | undefined;
  try {
    await retryOnConnectionLoss(async () => {
      await client?.end({ timeout: 1 });
      client = postgres(url, { max: 1, prepare: false, connect_timeout: 5, onnotice: () => undefined });
      await checkServer(client, url);
    }, patienceMillis);
    if (!client) return;
    await client`SELECT pg_advisory_lock(7421, 2)`;
    await client.unsafe(completeEarlyEditions);
    await runMigrations(drizzle(client), { migrationsFolder: migrations, migrationsSchema: 'tidemark_migrations' });
    if (functions !== undefined) await applySqlFiles(client, readSqlFiles(functions));
  } catch (error) {
    throw error instanceof Fault && error.message.startsWith('DATABASE_URL')
      ? error
      : connectionFault(url, causeOf(error));
  } finally {
    await client?.end({ timeout: 5 });
  }
}

/** The fault for a lost connection hides the error code; drizzle puts it into the cause. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause ? error.cause : error;
}

/** Checks a server without changing it, and returns its description. */
export async function checkDatabase(url: string): Promise<string> {
  const client = postgres(url, { max: 1, prepare: false, connect_timeout: 5, onnotice: () => undefined });
  try {
    await checkServer(client, url);
    const [row] = await client<{ version: string; creates: boolean }[]>`
      SELECT current_setting('server_version') AS version,
        has_database_privilege(current_database(), 'CREATE') AND has_schema_privilege('public', 'CREATE') AS creates`;
    if (!row.creates) throw connectionFault(url, Object.assign(new Error('no CREATE privilege'), { code: '42501' }));
    return `version ${row.version} at ${describeUrl(url)}`;
  } catch (error) {
    throw error instanceof Fault ? error : connectionFault(url, error);
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function checkServer(client: postgres.Sql, url: string): Promise<void> {
  const [row] = await client<{ number: number; text: string; recovering: boolean }[]>`
    SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text, pg_is_in_recovery() AS recovering`;
  if (Math.floor(row.number / 10_000) < serverVersionMin) {
    throw new Fault(
      'UNAVAILABLE',
      `DATABASE_URL: ${describeUrl(url)} runs PostgreSQL ${row.text}; ${serverVersionMin} or later is needed. Upgrade it or use another server.`,
    );
  }
  if (row.recovering) {
    throw new Fault(
      'UNAVAILABLE',
      `DATABASE_URL: ${describeUrl(url)} is a read-only replica. Give the URL of the primary.`,
    );
  }
}
