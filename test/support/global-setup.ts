import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { clustersFolder } from './in-memory.ts';
import { schemaFolders } from './schema-folders.ts';

/** A home for tests to copy; one server for all of them, and a migrated database that each test file copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(clustersFolder(), 'tidemark-test-'));
  chmodSync(folder, 0o755);
  const homeMade = join(folder, 'made');
  const maker = await startEmbeddedPostgres({ home: homeMade, settings: { fsync: 'off' } });
  await migrate({ url: maker.url, ...schemaFolders });
  await maker.stop();
  // Copies would all try its port first.
  rmSync(join(homeMade, 'postgres-port'));
  const home = join(folder, 'home');
  cpSync(homeMade, home, { recursive: true });
  const server = await startEmbeddedPostgres({ home, settings: { max_connections: '300', fsync: 'off' } });
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const { username, password, pathname } = new URL(server.url);
  await client.query(`CREATE DATABASE template_tidemark TEMPLATE ${pathname.slice(1)}`);
  // To work a password out takes longer than most of what is asked over a connection.
  await client.query(`SET scram_iterations = 1; ALTER ROLE ${username} PASSWORD '${password}'`);
  await client.end();
  project.provide('homeMade', homeMade);
  project.provide('serverUrl', server.url);
  project.provide('templateName', 'template_tidemark');
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
