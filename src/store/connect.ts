import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { patiently } from './patience.ts';

export interface ConnectOptions {
  readonly url: string;
  /** Connections for commits and block reads; the catalogue takes up to four more. */
  readonly connectionsMax?: number;
  /** How long a lost connection is retried before the asker is told. */
  readonly patienceMillis?: number;
}

/** The connections of one process to PostgreSQL: `postgres` through drizzle for the catalogue, `pg` for what is hot. */
export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly catalogue: PostgresJsDatabase;
  readonly patienceMillis: number;
  /** Runs one statement that may be run again; rows as `pg` reads them. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export function connect(options: ConnectOptions): Database {
  const patienceMillis = options.patienceMillis ?? 15_000;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 8,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    application_name: 'tidemark',
    keepAlive: true,
  });
  // A connection that dies while nobody uses it is replaced by the next one who asks.
  pool.on('error', () => undefined);
  const client = postgres(options.url, {
    max: 4,
    prepare: false,
    connect_timeout: 5,
    idle_timeout: 60,
    max_lifetime: 1_800,
    onnotice: () => undefined,
    connection: { application_name: 'tidemark' },
  });
  const catalogue = drizzle(client);
  return {
    url: options.url,
    pool,
    catalogue,
    patienceMillis,
    query: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await patiently(() => pool.query<Row>(text, [...values]), patienceMillis)).rows,
    close: async () => {
      await Promise.all([pool.end(), client.end({ timeout: 5 })]);
    },
  };
}

/**
 * Lends a connection; one that failed, or gave no sign of life for so long, is closed and not used again. `alive` is
 * that sign.
 */
export async function withClient<T>(
  database: Database,
  silenceMillis: number,
  run: (client: pg.PoolClient, alive: () => void) => Promise<T>,
): Promise<T> {
  const client = await database.pool.connect();
  let timer: NodeJS.Timeout | undefined;
  let onError: (error: Error) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    onError = reject;
    client.on('error', onError);
    timer = setTimeout(
      () => reject(Object.assign(new Error('the database gave no answer'), { code: 'ETIMEDOUT' })),
      silenceMillis,
    );
  });
  lost.catch(() => undefined);
  try {
    const result = await Promise.race([run(client, () => timer?.refresh()), lost]);
    client.release();
    return result;
  } catch (error) {
    client.release(error instanceof Error ? error : true);
    throw error;
  } finally {
    clearTimeout(timer);
    client.removeListener('error', onError);
  }
}
