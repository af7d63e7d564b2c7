import type { Logger } from 'pino';
import { Semaphore } from '../concurrency/semaphore.ts';
import { type Config, sqlReaderOf, uploadsFolder, uploadsSetting } from '../config.ts';
import { Definer } from '../derive/define.ts';
import { Settled } from '../derive/settled.ts';
import { Feed } from '../feed/feed.ts';
import { FollowedImports } from '../feed/imports.ts';
import { ImportControl } from '../imports/import-control.ts';
import { requireFolder } from '../imports/require-folder.ts';
import { UploadBytes } from '../imports/upload-bytes.ts';
import { UploadReceiver } from '../imports/upload-receiver.ts';
import { GroupCommit } from '../ingest/group-commit.ts';
import { Ingest } from '../ingest/ingest.ts';
import type { App } from '../schema/app.ts';
import { Executor } from '../schema/execution.ts';
import { buildSchemas } from '../schema/schema.ts';
import { makeClientNamer } from '../server/client-limits.ts';
import { FileRequests } from '../server/file-requests.ts';
import { ApiServer } from '../server/server.ts';
import { TusUploads } from '../server/tus.ts';
import { BatchedReads } from '../store/batched-reads.ts';
import { Catalogue } from '../store/catalogue.ts';
import { connect, type Database } from '../store/connect.ts';
import { setSqlReader } from '../store/sql-reader.ts';
import { UploadLocks } from '../store/uploads/upload-locks.ts';
import { Ringer } from '../upkeep/ringer.ts';
import { sealVersionsMin } from '../upkeep/upkeep.ts';
import { openBell } from './bell.ts';
import { defineOptions } from './define-options.ts';
import { lineLog, openLog, reporter } from './log.ts';
import type { OpenStore } from './store.ts';
import { version } from './version.ts';

export interface RunningApi {
  readonly port: number;
  readonly app: App;
  stop(): Promise<void>;
}

/** The time limit of the health check's database query. */
const readyMillis = 2_000;

/** The number of concurrent formula computations for clients. */
const computingMax = 2;

async function answers(database: Database): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), readyMillis);
  });
  const asked = database.pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

export function apiServer(config: Config, log: Logger, ready: () => Promise<boolean>): ApiServer {
  return new ApiServer({
    host: config.host,
    port: config.port,
    limits: config,
    allowedOrigins: config.allowedOrigins,
    nameOf: makeClientNamer(config.clientHeader),
    isReady: ready,
    report: reporter(log),
    ...(log.isLevelEnabled('debug') && { onAnswer: (answer) => log.debug(answer, 'request') }),
  });
}

/** The API of one process: takes its port first, so that a taken one is known before anything else is started. */
export async function startApi(
  config: Config,
  open: () => Promise<OpenStore>,
): Promise<RunningApi & { store: OpenStore; bell: string }> {
  const reader = sqlReaderOf(config);
  let database: Database | undefined;
  const log = openLog(config);
  const server = apiServer(config, log, async () => database !== undefined && answers(database));
  const port = await server.listen();
  let store: OpenStore | undefined;
  try {
    requireFolder(uploadsSetting(config), uploadsFolder(config));
    store = await open();
    database = connect({ url: store.url, connectionsMax: config.databaseConnections });
    await setSqlReader(database, reader, { embedded: store.kind === 'embedded' });
    const running = await serve({ config, log, server, database, store });
    return { ...running, port, store };
  } catch (error) {
    await server.drain();
    await database?.close();
    await store?.stop();
    throw error;
  }
}

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly server: ApiServer;
  readonly database: Database;
  readonly store: OpenStore;
}

async function serve({ config, log, server, database, store }: Parts) {
  const bell = await openBell(database, config.redisUrl, log);
  const catalogue = new Catalogue(database);
  const followedImports = new FollowedImports(database);
  const reads = new BatchedReads(database);
  const ringer = new Ringer(bell, lineLog(log, 'warn'));
  const groupCommit = new GroupCommit(database, {
    announce: bell.ringsInCommit,
    onBlocks: (said) => reads.recent.add(said),
    onCommit: (notice) => {
      bell.tell(notice);
      feed.hear(notice);
      ringer.hear(notice, notice.points >= sealVersionsMin);
    },
  });
  const feed = new Feed(catalogue, bell, {
    onImport: (id) => followedImports.hear(id),
    committing: () => groupCommit.committing,
  });
  const ingest = new Ingest(database, catalogue, groupCommit, { pointsPerCallMax: config.pointsPerCallMax });
  const arrival = new UploadReceiver(database, bell, new UploadBytes(uploadsFolder(config)), config);
  const { announce, onDefined } = defineOptions(bell);
  const definer = new Definer(database, catalogue, {
    announce,
    onDefined: (revision) => {
      feed.hear({ previous: revision - 1, revision, series: [] });
      onDefined(revision);
    },
  });
  const startedAt = Date.now() * 1000;
  let ready = true;
  const app: App = {
    database,
    catalogue,
    reads,
    ingest,
    arrival,
    definer,
    settled: new Settled(database),
    feed,
    imports: new ImportControl(database, bell),
    followedImports,
    limits: config,
    computing: new Semaphore(computingMax),
    health: () => ({ version, role: config.role, startedAt, database: store.kind, bell: bell.name }),
    isReady: async () => ready && answers(database),
  };
  await feed.start();
  const { slowMillis, uploadExpiryHours: expiryHours } = config;
  const nameOf = makeClientNamer(config.clientHeader);
  const report = reporter(log);
  const uploads = new TusUploads(arrival, new UploadLocks(store.url), { expiryHours, nameOf, report });
  server.serve(new Executor(buildSchemas(), app, report), app, new FileRequests(app, uploads, { slowMillis, nameOf }));
  return {
    app,
    bell: bell.name,
    stop: async () => {
      ready = false;
      ringer.stop();
      followedImports.hurry();
      await server.drain();
      await feed.stop();
      await followedImports.stop();
      await groupCommit.drain();
      await bell.stop();
      await database.close();
    },
  };
}
