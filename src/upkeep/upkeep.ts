import type { JobHandlers } from '../bell/bell.ts';
import * as care from '../store/care.ts';
import type { Database } from '../store/connect.ts';
import { forgetSealed, sealSeries } from '../store/seal.ts';
import { sealSizes } from '../store/seal-plan.ts';

/** A series is sealed when so much of it is fresh, or when it has been fresh for so long. */
export const sealBlocksMin = 32;
export const sealVersionsMin = 16_384;
const sealAgeSeconds = 60;

const batchKeptSeconds = 3_600;
const writeKeyKeptSeconds = 7 * 86_400;
const stageKeptSeconds = 3_600;
const waveKeptSeconds = 600;

/** One job seals at most for so long, then asks to be called again: others wait for their turn. */
const jobMillisMax = 10_000;

export interface UpkeepOptions {
  /** How long what was overwritten can be read; undefined: for ever. */
  readonly historyDays: number | undefined;
  /** Asked between steps: whoever stops hands the rest of a job over to the next one who is woken. */
  readonly isStopping: () => boolean;
}

/** Seals a series until nothing of it is fresh. */
export async function sealWhole(
  database: Database,
  series: number,
  isOver: () => boolean = () => false,
  sizes = sealSizes,
): Promise<number> {
  const horizon = await care.settledHorizon(database);
  let versions = 0;
  for (;;) {
    const answer = await sealSeries(database, series, horizon, sizes);
    versions += answer.versions;
    if (!answer.more || isOver()) return versions;
  }
}

/** What workers do beside recomputing: merging blocks, forgetting what need not be kept. */
export function upkeepJobs(database: Database, options: UpkeepOptions): Pick<JobHandlers, 'seal' | 'sweep'> {
  const until = () => {
    const deadline = Date.now() + jobMillisMax;
    return () => options.isStopping() || Date.now() > deadline;
  };
  const sealAll = async (ids: readonly number[]) => {
    const isOver = until();
    for (const id of ids) {
      if (isOver()) return;
      await sealWhole(database, id, isOver);
    }
  };
  return {
    seal: async ({ partition }) => {
      await sealAll(
        await care.seriesToSeal(database, { partition, blocksMin: sealBlocksMin, versionsMin: sealVersionsMin }),
      );
    },
    sweep: async () => {
      await care.dropExpired(database, { batchKeptSeconds, writeKeyKeptSeconds, stageKeptSeconds, waveKeptSeconds });
      await care.dropDeletedSeries(database);
      await sealAll(
        await care.seriesToSeal(database, {
          blocksMin: sealBlocksMin,
          versionsMin: sealVersionsMin,
          ageSeconds: sealAgeSeconds,
        }),
      );
      if (options.historyDays !== undefined) await forgetHistory(database, options.historyDays, until());
    },
  };
}

/** First the oldest readable revision is moved, then what nobody can ask for any more goes. */
async function forgetHistory(database: Database, historyDays: number, isOver: () => boolean): Promise<void> {
  const horizon = await care.moveHorizon(database, historyDays);
  if (horizon === undefined) return;
  await care.dropRetired(database, horizon);
  for (const series of await care.seriesToForget(database, horizon)) {
    let after: number | undefined = 0;
    while (after !== undefined && !isOver()) after = await forgetSealed(database, series, horizon, after);
  }
}
