import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL of the server that the tests share, and the migrated database to copy. */
    serverUrl: string;
    templateName: string;
  }
}

export function urlOf(name: string): string {
  const url = new URL(inject('serverUrl'));
  url.pathname = `/${name}`;
  return url.toString();
}

export async function admin<T>(run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

/** A database of its own, with the tables in it; gone when the returned `drop` was called. */
export async function createDatabase(
  options: { empty?: true } = {},
): Promise<{ url: string; name: string; drop: () => Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const template = options.empty ? '' : `TEMPLATE ${inject('templateName')}`;
  await admin((client) => client.query(`CREATE DATABASE ${name} ${template}`));
  return {
    url: urlOf(name),
    name,
    drop: () => admin(async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
  };
}
