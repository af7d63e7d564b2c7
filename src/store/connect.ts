import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { retryOnConnectionLoss } from './retry.ts';

export interface ConnectOptions {
  readonly url: string;
  /** Connections for commits and block reads; the catalogue takes up to four more. */
  readonly connectionsMax?: number;
  /** The time for which a statement is retried after a lost connection. Then the caller gets the error. */
  readonly patienceMillis?: number;
}

/**
 * The connections of one process to PostgreSQL: drizzle's for the catalogue, and `pg`'s for commits and block reads.
 */
export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly catalogue: NodePgDatabase;
  readonly patienceMillis: number;
  /** Runs one statement that is safe to retry. The rows are as `pg` reads them. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

function openPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    application_name: 'tidemark',
    keepAlive: true,
  });
  // The pool replaces a connection that dies while it is idle.
  pool.on('error', () => undefined);
  // A connection that dies while the pool hands it over would end the process. The query of its new user fails instead.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

export function connect(options: ConnectOptions): Database {
  const patienceMillis = options.patienceMillis ?? 15_000;
  const pool = openPool(options.url, options.connectionsMax ?? 8);
  const cataloguePool = openPool(options.url, 4);
  const catalogue = drizzle(cataloguePool);
  return {
    url: options.url,
    pool,
    catalogue,
    patienceMillis,
    query: async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await retryOnConnectionLoss(() => pool.query<Row>(text, [...values]), patienceMillis)).rows,
    close: async () => {
      await Promise.all([pool.end(), cataloguePool.end()]);
    },
  };
}

/**
 * Lends a connection. One that failed, or that `alive` has not reported on for `silenceMillis`, is closed and not
 * reused.
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
