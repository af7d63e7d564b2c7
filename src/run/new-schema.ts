import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { migrate } from '../store/migrate.ts';
import { schemaText } from '../store/schema-text.ts';
import { schemaFolders } from './store.ts';

/** The schema of a new database, made on a PostgreSQL of its own that is removed afterwards. */
export async function newSchema(): Promise<{ text: string; hasLz4: boolean }> {
  const home = mkdtempSync(join(tmpdir(), 'tidemark-schema-'));
  chmodSync(home, 0o755);
  const server = await startEmbeddedPostgres({ home, settings: { fsync: 'off' } });
  const client = new pg.Client({ connectionString: server.url });
  try {
    await migrate({ url: server.url, ...schemaFolders });
    await client.connect();
    const query = async (text: string) => (await client.query<Record<string, unknown>>(text)).rows;
    const [{ lz4 }] = await query(
      "SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) AS lz4",
    );
    return { text: await schemaText(query), hasLz4: lz4 === true };
  } finally {
    await client.end();
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
