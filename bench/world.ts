import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts';
import { GroupCommit } from '../src/ingest/group-commit.ts';
import { Ingest } from '../src/ingest/ingest.ts';
import { Catalogue } from '../src/store/catalogue.ts';
import { connect, type Database } from '../src/store/connect.ts';
import { migrate } from '../src/store/migrate.ts';

export interface World {
  readonly quick: boolean;
  /** Where profiles of the program under test are written; undefined: none are made. */
  readonly profileDir: string | undefined;
  /** A folder that PostgreSQL's user can read. */
  readonly folder: string;
  /** What was started last ends first. */
  defer(stop: () => Promise<void> | void): void;
  /** The URL of a new database with our tables in it. */
  database(): Promise<string>;
  /** For people, while it runs. */
  say(line: string): void;
}

/** Found from a bundle in dist/ or dist-dev/. */
export const schemaFolders = {
  migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
  functions: fileURLToPath(new URL('../dist/sql', import.meta.url)),
};

/** One embedded PostgreSQL in a folder of its own, as durable as users have it. */
export async function openWorld(
  options: Pick<World, 'quick' | 'profileDir' | 'say'>,
): Promise<World & { close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
  chmodSync(folder, 0o755);
  const stops: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  let server: Promise<string> | undefined;
  let databases = 0;

  const start = async () => {
    const started = await startEmbeddedPostgres({ home: join(folder, 'home') });
    stops.splice(1, 0, () => started.stop());
    return started.url;
  };
  let closed: Promise<void> | undefined;
  const close = async () => {
    for (const stop of stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        options.say(`could not end something: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  return {
    ...options,
    folder,
    defer: (stop) => void stops.push(stop),
    database: async () => {
      server ??= start();
      const url = new URL(await server);
      const name = `bench_${++databases}`;
      await once(url.toString(), `CREATE DATABASE ${name}`);
      url.pathname = `/${name}`;
      await migrate({ url: url.toString(), ...schemaFolders });
      return url.toString();
    },
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** One statement on a connection of its own. */
export async function once<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The store and what writes to it, in this process. */
export interface OpenStore {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly groupCommit: GroupCommit;
  readonly ingest: Ingest;
  close(): Promise<void>;
}

export function openStore(url: string, connectionsMax = 8): OpenStore {
  const database = connect({ url, connectionsMax });
  const catalogue = new Catalogue(database);
  const groupCommit = new GroupCommit(database, { announce: true });
  const ingest = new Ingest(database, catalogue, groupCommit, { pointsPerCallMax: 1_000_000 });
  return { database, catalogue, groupCommit, ingest, close: () => database.close() };
}
