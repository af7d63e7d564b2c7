import type { Stoppable } from '../bell/bell.ts';
import type { Config } from '../config.ts';
import { Definer } from '../derive/define.ts';
import { Recompute } from '../recompute/recompute.ts';
import { Catalogue } from '../store/catalogue.ts';
import { connect } from '../store/connect.ts';
import { upkeepJobs } from '../upkeep/upkeep.ts';
import { openBell } from './bell.ts';
import { defineOptions } from './defined.ts';
import { log } from './log.ts';

/** Whatever no commit rings for is looked after this often. */
const sweepMillis = 10_000;

/** A worker: does the jobs that the bell rings for. */
export async function startWorker(config: Config, url: string): Promise<Stoppable> {
  const database = connect({ url, connectionsMax: config.databaseConnections, patienceMillis: 60_000 });
  const bell = await openBell(database, config.redisUrl);
  let stopping = false;
  const isStopping = () => stopping;
  const recompute = new Recompute(database, bell, { log, isStopping });
  await recompute.start();
  const renewed = await new Definer(database, new Catalogue(database), defineOptions(bell)).renew();
  if (renewed.length > 0)
    log(`${renewed.length} derived series are computed again: another program rounded exp, log or pow otherwise`);
  const upkeep = upkeepJobs(database, { historyDays: config.historyDays, isStopping });
  const working = await bell.work({ ...upkeep, ...recompute.handlers }, config.workerConcurrency);
  await bell.every('sweep', sweepMillis, {});
  return {
    stop: async () => {
      stopping = true;
      await recompute.stop();
      await working.stop();
      await bell.stop();
      await database.close();
    },
  };
}
