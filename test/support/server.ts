import { type Config, readConfig } from '../../src/config.ts';
import { startApi } from '../../src/run/api.ts';
import { startWorker } from '../../src/run/worker.ts';
import type { App } from '../../src/schema/app.ts';
import { createDatabase } from './database.ts';

/** The API as a process runs it, in this process: HTTP, WebSockets and SSE on a port of its own. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly app: App;
  readonly databaseUrl: string;
  /** A worker beside it, in this process too, with connections of its own. */
  startWorker(): Promise<{ stop(): Promise<void> }>;
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
  const workers: { stop(): Promise<void> }[] = [];
  return {
    url: `http://127.0.0.1:${running.port}/graphql`,
    port: running.port,
    app: running.app,
    databaseUrl,
    startWorker: async () => {
      const worker = await startWorker(config, databaseUrl);
      let stopped: Promise<void> | undefined;
      const stop = () => {
        stopped ??= worker.stop();
        return stopped;
      };
      workers.push({ stop });
      return { stop };
    },
    revision: () => running.app.catalogue.newestRevision(),
    stop: async () => {
      for (const worker of workers) await worker.stop();
      await running.stop();
      await database?.drop();
    },
  };
}
