import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { Fault } from '../engine/fault.ts';
import { migrate } from '../store/migrate.ts';
import { Child } from './child-process.ts';
import { demoKey, startDemo } from './demo.ts';
import { lineLog, openLog, reporter } from './log.ts';
import { say } from './say.ts';
import { type OpenStore, openStore, schemaFolders } from './store.ts';
import { version } from './version.ts';

/**
 * The time limit for stopping. Whatever is still running then is abandoned, which loses nothing that was acknowledged.
 */
const stopMillisMax = 9_500;

interface Running {
  stop(): Promise<void>;
}

/** Runs until a signal ends it, in good order. */
export async function serve(config: Config, env: NodeJS.ProcessEnv): Promise<void> {
  const log = openLog(config);
  const report = reporter(log);
  let running: Running | undefined;
  const ending = new AbortController();
  const stop = (why: string): void => {
    if (ending.signal.aborted) return;
    ending.abort();
    const timer = setTimeout(() => {
      log.error('not everything ended in time');
      process.exit(1);
    }, stopMillisMax);
    timer.unref();
    log.info(`stopping: ${why}`);
    const stopped = (starting ?? Promise.resolve()).then(() => running?.stop());
    stopped.then(
      () => process.exit(0),
      (error: unknown) => {
        report(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  process.on('unhandledRejection', (error) => report(error));
  // A child ends with its parent, however the parent ended.
  if (process.send) process.on('disconnect', () => stop('the parent process has ended'));
  if (env.npm_lifecycle_event !== undefined) endWithParent(stop);
  const start = config.role === 'worker' ? worker(config) : api(config, env, { log, ending: ending.signal });
  const starting = start.then(
    (started) => {
      running = started;
    },
    () => undefined,
  );
  await start;
}

/**
 * npm runs a script through a shell that does not forward signals, so ending npm would leave this process behind.
 * Therefore a process that npm started ends when its parent does.
 */
function endWithParent(stop: (why: string) => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) stop('npm has ended');
  }, 250);
  timer.unref();
}

async function worker(config: Config): Promise<Running> {
  if (config.databaseUrl === undefined) {
    throw new Fault(
      'UNAVAILABLE',
      'DATABASE_URL: a worker of its own needs to know which PostgreSQL to work on. Set it to that of the API.',
    );
  }
  await migrate({ url: config.databaseUrl, ...schemaFolders });
  const { startWorker } = await import('./worker.ts');
  const running = await startWorker(config, config.databaseUrl);
  if (process.send) process.send('ready');
  else say(`tidemark ${version} worker is ready`);
  return running;
}

async function api(
  config: Config,
  env: NodeJS.ProcessEnv,
  { log, ending }: { readonly log: Logger; readonly ending: AbortSignal },
): Promise<Running> {
  const { startApi } = await import('./api.ts');
  const started = await startApi(config, () => openStore(config));
  const workerArguments = [process.argv[1], 'serve', '--role', 'worker'];
  const child =
    config.role === 'all'
      ? new Child('worker', workerArguments, { ...env, DATABASE_URL: started.store.url }, { log, ending })
      : undefined;
  if (!ending.aborted) await child?.start();
  const demo =
    config.demoInstruments > 0 && !ending.aborted
      ? await startDemo(started.app, { ...config, instruments: config.demoInstruments, log: lineLog(log, 'warn') })
      : undefined;
  if (!ending.aborted) announce(config, started.port, started.store, started.bell);
  return {
    stop: async () => {
      await demo?.stop();
      await Promise.all([started.stop(), child?.stop()]);
      await started.store.stop();
    },
  };
}

/** psql asks for the password. */
function psqlOf(url: string, user: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `psql -h ${hostname || 'localhost'} -p ${port || '5432'} -U ${user} ${decodeURIComponent(pathname.slice(1)) || user}`;
}

function announce(config: Config, port: number, store: OpenStore, bell: string): void {
  const host =
    config.host === '0.0.0.0' || config.host === '::'
      ? 'localhost'
      : config.host.includes(':')
        ? `[${config.host}]`
        : config.host;
  const address = `http://${host === '127.0.0.1' ? 'localhost' : host}:${port}`;
  const key = config.demoInstruments > 0 ? demoKey : 'BTC-USD';
  const query =
    config.demoInstruments > 0
      ? `{ series(key: \\"${key}\\") { key last { t value } } }`
      : `mutation { ingestTicks(input: { createMissing: true, ticks: [{ series: \\"${key}\\", t: ${Date.now()}, value: 65000.5 }] }) { revision } }`;
  say(`Tidemark ${version} is ready.`);
  say(`  GraphQL     ${address}/graphql   (GraphiQL in a browser; WebSocket and SSE at the same address)`);
  say(`  PostgreSQL  ${store.where}`);
  if (store.psql !== undefined) say(`  psql        ${store.psql}`);
  if (config.sqlReader !== undefined) say(`  SQL reader  ${psqlOf(store.url, config.sqlReader)}`);
  say(`  bell        ${bell === 'redis' ? 'Redis' : 'PostgreSQL'}`);
  say(
    `  worker      ${config.role === 'all' ? 'one, as a process of its own' : 'none here (--role worker starts one)'}`,
  );
  if (config.demoInstruments > 0)
    say(
      `  demo        ${config.demoInstruments} simulated instruments with a day of history; node examples/serve.js shows a chart`,
    );
  say('Try it:');
  say(`  curl -s ${address}/graphql -H 'content-type: application/json' -d '{"query":"${query}"}'`);
}
