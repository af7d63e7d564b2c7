import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/postgres.ts';
import { describeUrl, migrate } from '../store/migrate.ts';
import { lineLog, openLog } from './log.ts';

/** Found from a bundle in dist/ or dist-dev/. */
export const schemaFolders = {
  migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
  functions: fileURLToPath(new URL('../dist/sql', import.meta.url)),
};

/** An open store: the server is checked and its schema is up to date. */
export interface OpenStore {
  readonly url: string;
  readonly kind: 'embedded' | 'external';
  /** A description for people. */
  readonly where: string;
  /** A shell command that opens psql on an embedded PostgreSQL. */
  readonly psql?: string;
  stop(): Promise<void>;
}

export async function openStore(config: Config): Promise<OpenStore> {
  if (config.databaseUrl !== undefined) {
    await migrate({ url: config.databaseUrl, ...schemaFolders });
    return {
      url: config.databaseUrl,
      kind: 'external',
      where: describeUrl(config.databaseUrl),
      stop: async () => undefined,
    };
  }
  const embedded: EmbeddedPostgres = await startEmbeddedPostgres({
    home: config.home,
    log: lineLog(openLog(config), 'info'),
  });
  try {
    await migrate({ url: embedded.url, ...schemaFolders });
  } catch (error) {
    await embedded.stop();
    throw error;
  }
  const adopted = embedded.adopted ? ', adopted: it was still running' : '';
  return {
    url: embedded.url,
    kind: 'embedded',
    where: `embedded, in ${embedded.dataDir}${adopted}`,
    psql: embedded.psql,
    stop: () => embedded.stop(),
  };
}
