import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { BoundedQueue } from '../concurrency/bounded-queue.ts';
import { type Config, uploadsFolder } from '../config.ts';
import { Fault } from '../engine/fault.ts';
import { summaryJobs, wakeForgottenSummaries } from '../imports/summary-job.ts';
import { UploadBytes } from '../imports/upload-bytes.ts';
import { dropExpiredUploads } from '../imports/upload-retention.ts';
import { ImportJobs } from '../imports/work/import-jobs.ts';
import { BackfillJobs } from '../recompute/backfill-jobs.ts';
import { connect } from '../store/connect.ts';
import { Ringer } from '../upkeep/ringer.ts';
import { upkeepJobs } from '../upkeep/upkeep.ts';
import { openBell } from './bell.ts';
import type { ThreadMessage, ThreadRequest } from './jobs-thread.ts';
import { lineLog, openLog } from './log.ts';

/** The interval of the sweep, which finds work that no commit announces. */
const sweepMillis = 10_000;

/** The limit of queued summaries per process. */
const summariesMax = 100;

/** Lowers the priority of this thread where the system supports it, so that live work goes first. */
const nicer = 5;

/** The thread of a worker that runs jobs, so that long jobs do not delay lanes. */
async function run(port: MessagePort, { config, url }: { readonly config: Config; readonly url: string }) {
  if (process.platform === 'linux') setPriority(nicer);
  const database = connect({ url, connectionsMax: config.databaseConnections, patienceMillis: 60_000 });
  const logger = openLog(config);
  const log = lineLog(logger, 'warn');
  const bell = await openBell(database, config.redisUrl, logger);
  let stopping = false;
  const isStopping = () => stopping;
  const builds = new BackfillJobs(database, bell, { log, isStopping });
  const upkeep = upkeepJobs(database, { historyDays: config.historyDays, isStopping });
  const ringer = new Ringer(bell, log);
  const bytes = new UploadBytes(uploadsFolder(config));
  const imports = new ImportJobs(database, bell, {
    bytes,
    log,
    isStopping,
    onCommit: (notice) => {
      bell.tell(notice);
      ringer.hear(notice, true);
    },
  });
  const { summary } = summaryJobs(database, bell, { bytes, log, isStopping });
  // The sweep finds the summaries that the full queue refused.
  const summaries = new BoundedQueue(summariesMax);
  const tell = (told: ThreadMessage) => port.postMessage(told);
  const working = await bell.work(
    {
      ...upkeep,
      build: ({ definition }) => builds.run(definition),
      advance: async () => tell({ advance: true }),
      import: async ({ import: id }) =>
        void imports.take(id).catch((error: Error) => log(`import ${id}: ${error.message}`)),
      summary: async (question) =>
        void summaries.add(JSON.stringify(question), async () => {
          if (stopping) return;
          await summary(question).catch((error: Error) =>
            log(`summary of import ${question.import}: ${error.message}`),
          );
        }),
      sweep: async (data) => {
        await imports.sweep();
        await wakeForgottenSummaries(database, bell);
        await dropExpiredUploads(database, bell, bytes, {
          expiryHours: config.uploadExpiryHours,
          days: config.uploadDays,
        });
        await upkeep.sweep(data);
      },
    },
    config.workerConcurrency,
  );
  await bell.every('sweep', sweepMillis, {});
  await imports.sweep();
  port.on('message', async (asked: ThreadRequest) => {
    if ('build' in asked) {
      await builds.run(asked.build).catch((error: Error) => log(`recompute: ${error.message}`));
      tell({ built: asked.build });
      return;
    }
    stopping = true;
    await Promise.all([working.stop(), imports.ended(), summaries.idle()]);
    ringer.stop();
    await bell.stop();
    await database.close();
    port.close();
  });
  tell({ ready: true });
}

if (parentPort) {
  const port = parentPort;
  run(port, workerData).catch((error) => {
    if (!(error instanceof Fault)) throw error;
    port.postMessage({ fault: { code: error.code, message: error.message } } satisfies ThreadMessage);
    process.exit(1);
  });
}
