import { setFlagsFromString } from 'node:v8';
import type { Stoppable } from '../bell/bell.ts';
import type { Config } from '../config.ts';
import { Definer } from '../derive/define.ts';
import { Recompute } from '../recompute/recompute.ts';
import { Catalogue } from '../store/catalogue.ts';
import { connect } from '../store/connect.ts';
import { openBell } from './bell.ts';
import { defineOptions } from './define-options.ts';
import { JobsThread } from './jobs-thread.ts';
import { lineLog, openLog } from './log.ts';

/**
 * The growth of the heap, in percent, before V8 marks all of it again; 300 is V8's own maximum. A pass leaves
 * much short-lived garbage in a small heap. By default V8 would mark the whole heap after each pass, which takes as
 * long as the pass.
 */
const heapGrowth = '--heap-growing-percent=300';

/** A worker: it keeps lanes up to date, and runs jobs in a thread of their own. */
export async function startWorker(config: Config, url: string): Promise<Stoppable> {
  setFlagsFromString(heapGrowth);
  const database = connect({ url, connectionsMax: config.databaseConnections, patienceMillis: 60_000 });
  const log = openLog(config);
  const warn = lineLog(log, 'warn');
  const bell = await openBell(database, config.redisUrl, log);
  const jobs = new JobsThread(config, url, {
    log: warn,
    onAdvance: () => void recompute.advance().catch((error: Error) => warn(`recompute: ${error.message}`)),
  });
  const recompute = new Recompute(database, bell, { log: warn, build: (definition) => jobs.build(definition) });
  await recompute.start();
  const renewed = await new Definer(database, new Catalogue(database), defineOptions(bell)).renew();
  if (renewed.length > 0)
    log.info(`${renewed.length} derived series are computed again: another program rounded exp, log or pow otherwise`);
  await jobs.start();
  return {
    stop: async () => {
      await Promise.all([recompute.stop(), jobs.stop()]);
      await bell.stop();
      await database.close();
    },
  };
}
