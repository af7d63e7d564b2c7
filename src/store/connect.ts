import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { retryOnConnectionLoss } from './retry.ts';

export interface ConnectOptions {
  readonly url: string;
  /** Connections for commits and block reads; the catalogue takes up to four more. */
  readonly connectionsMax?: number;
  /** How long a lost connection is retried before the asker is told. */
  readonly patienceMillis?: number;
}

/** The connections of one process to PostgreSQL: some through drizzle for the catalogue, others for what is hot. */
export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly catalogue: NodePgDatabase;
  readonly patienceMillis: number;
  /** Runs one statement that may be run again; rows as `pg` reads them. */
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
  // A connection that dies while nobody uses it is replaced by the next one who asks.
  pool.on('error', () => undefined);
  // One that dies between the pool's hand and the borrower's would take the process with it: the borrower's query fails.
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
