import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { migrate } from '../../src/store/migrate.ts';

/** One server for all test files, and a migrated database that each of them copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  const server = await startEmbeddedPostgres({ home, settings: { max_connections: '300', fsync: 'off' } });
  const templateUrl = new URL(server.url);
  templateUrl.pathname = '/template_tidemark';
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query('CREATE DATABASE template_tidemark');
  await client.end();
  await migrate({ url: templateUrl.toString(), folder: 'drizzle' });
  project.provide('serverUrl', server.url);
  project.provide('templateName', 'template_tidemark');
  return async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  };
}
