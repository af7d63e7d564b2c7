import { type Config, readConfig } from '../../src/config.ts';
import { startApi } from '../../src/run/api.ts';
import type { App } from '../../src/schema/app.ts';
import { createDatabase } from './database.ts';

/** The API as a process runs it, in this process: HTTP, WebSockets and SSE on a port of its own. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly app: App;
  readonly databaseUrl: string;
  /** As a client that asks for it at this moment would be told. */
  revision(): Promise<number>;
  stop(): Promise<void>;
}

/** Without databaseUrl it has a database of its own, gone when it stops. */
export async function startServer(settings: Partial<Config> = {}): Promise<TestServer> {
  const database = settings.databaseUrl === undefined ? await createDatabase() : undefined;
  const databaseUrl = settings.databaseUrl ?? database?.url ?? '';
  const config: Config = { ...readConfig(new Map(), {}), port: 0, databaseConnections: 4, ...settings, databaseUrl };
  const running = await startApi(config, async () => ({
    url: databaseUrl,
    kind: 'external',
    where: 'a test',
    stop: async () => undefined,
  }));
  return {
    url: `http://127.0.0.1:${running.port}/graphql`,
    port: running.port,
    app: running.app,
    databaseUrl,
    revision: () => running.app.catalogue.newestRevision(),
    stop: async () => {
      await running.stop();
      await database?.drop();
    },
  };
}
