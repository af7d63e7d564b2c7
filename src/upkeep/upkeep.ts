import type { JobHandlers } from '../bell/bell.ts';
import { SerialQueue } from '../concurrency/serial-queue.ts';
import type { Database } from '../store/connect.ts';
import {
  dropDeletedSeries,
  dropExpired,
  dropRetired,
  moveHorizon,
  seriesToForget,
  settledHorizon,
} from '../store/retention.ts';
import { forgetSealed, sealSeries } from '../store/seal.ts';
import { type SealWanted, seriesToSeal } from '../store/seal-candidates.ts';
import { sealSizes } from '../store/seal-plan.ts';

/**
 * A series is sealed when it has this many fresh blocks or versions, or fresh blocks of this age. Series that tick
 * together would all be due together: each waits for some more blocks, by its id.
 */
export const sealBlocksMin = 128;
const sealBlocksSpread = 64;
export const sealVersionsMin = 16_384;
const sealAgeSeconds = 300;

/** After sealing a few blocks, a worker rests as long as that took, up to this limit: reads and writes go first. */
const restMillisMax = 50;

const batchKeptSeconds = 3_600;
const writeKeyKeptSeconds = 7 * 86_400;
const stageKeptSeconds = 3_600;
const waveKeptSeconds = 600;

/** The time after which a sealing job ends. The next sweep continues, so that other jobs get their turn. */
const jobMillisMax = 10_000;

export interface UpkeepOptions {
  /** The days for which overwritten values can be read; undefined for ever. */
  readonly historyDays: number | undefined;
  /** Called between steps. A worker that stops leaves the rest of a job to the next one. */
  readonly isStopping: () => boolean;
}

/** The number of fresh blocks from which on a series is due for sealing. */
export function sealBlocksOf(series: number): number {
  return sealBlocksMin + (series % sealBlocksSpread);
}

/** Seals a series until no fresh blocks are left. */
export async function sealWhole(
  database: Database,
  series: number,
  isOver: () => boolean = () => false,
  sizes = sealSizes,
): Promise<number> {
  const horizon = await settledHorizon(database);
  let versions = 0;
  for (;;) {
    const answer = await sealSeries(database, series, horizon, sizes);
    versions += answer.versions;
    if (!answer.more || isOver()) return versions;
  }
}

/** The jobs of workers beside recomputing: merging blocks, and deleting what need not be kept. */
export function upkeepJobs(database: Database, options: UpkeepOptions): Pick<JobHandlers, 'seal' | 'sweep'> {
  const until = () => {
    const deadline = Date.now() + jobMillisMax;
    return () => options.isStopping() || Date.now() > deadline;
  };
  const queue = new SerialQueue();
  const unhurried = (run: () => Promise<unknown>) =>
    queue.run(async () => {
      const started = performance.now();
      await run();
      const rest = Math.min(performance.now() - started, restMillisMax);
      await new Promise((resolve) => setTimeout(resolve, rest));
    });
  const sealAll = async (wanted: Omit<SealWanted, 'blocksMin' | 'blocksSpread' | 'versionsMin'>) => {
    const least = { blocksMin: sealBlocksMin, blocksSpread: sealBlocksSpread, versionsMin: sealVersionsMin };
    const isOver = until();
    for (const { series, versions } of await seriesToSeal(database, { ...wanted, ...least })) {
      if (isOver()) return;
      const seal = () => sealWhole(database, series, isOver);
      await (versions < sealVersionsMin ? unhurried(seal) : seal());
    }
  };
  return {
    seal: ({ partition }) => sealAll({ partition }),
    sweep: async () => {
      await dropExpired(database, { batchKeptSeconds, writeKeyKeptSeconds, stageKeptSeconds, waveKeptSeconds });
      await dropDeletedSeries(database);
      await sealAll({ ageSeconds: sealAgeSeconds });
      if (options.historyDays !== undefined) await forgetHistory(database, options.historyDays, until());
    },
  };
}

/** Moves the oldest readable revision, then drops what no readable revision needs. */
async function forgetHistory(database: Database, historyDays: number, isOver: () => boolean): Promise<void> {
  const horizon = await moveHorizon(database, historyDays);
  if (horizon === undefined) return;
  await dropRetired(database, horizon);
  for (const series of await seriesToForget(database, horizon)) {
    let after: number | undefined = 0;
    while (after !== undefined && !isOver()) after = await forgetSealed(database, series, horizon, after);
  }
}
