import type { Bell } from '../../src/bell/bell.ts';
import { postgresBell } from '../../src/bell/postgres.ts';
import { redisBell } from '../../src/bell/redis.ts';
import { Definer } from '../../src/derive/define.ts';
import { Settled } from '../../src/derive/settled.ts';
import { parseFormula } from '../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { foldVersions } from '../../src/engine/versions.ts';
import { GroupCommit } from '../../src/ingest/group-commit.ts';
import { Ingest } from '../../src/ingest/ingest.ts';
import { BackfillJobs } from '../../src/recompute/backfill-jobs.ts';
import type { PassResult } from '../../src/recompute/pass.ts';
import { Recompute } from '../../src/recompute/recompute.ts';
import { everything, readVersions } from '../../src/store/block-reads.ts';
import { Catalogue } from '../../src/store/catalogue.ts';
import { connect, type Database } from '../../src/store/connect.ts';
import { readHistoryOfDefinitions, storageOf } from '../../src/store/definitions.ts';
import { storeId } from '../../src/store/store-id.ts';
import { type Held, MemoryLane } from '../derive/memory.ts';

/** How long anything may take before a test says that it hangs. */
const patienceMillis = 30_000;

export interface RecomputeHarness {
  readonly database: Database;
  readonly catalogue: Catalogue;
  readonly ingest: Ingest;
  readonly definer: Definer;
  readonly bell: Bell;
  /** What workers of this process have passed. */
  readonly passes: PassResult[];
  startWorker(options?: WorkerOptions): Promise<{ stop(): Promise<void> }>;
  /** Resolves when every derived series reflects the newest revision; returns that one. */
  settled(): Promise<number>;
  stop(): Promise<void>;
}

interface WorkerOptions {
  /** What the worker says, which is printed otherwise. */
  readonly log?: (line: string) => void;
}

export async function openBell(database: Database, redisUrl: string | undefined): Promise<Bell> {
  const options = { storeId: await storeId(database), log: () => undefined };
  return redisUrl === undefined ? postgresBell(database.url, options) : redisBell(redisUrl, options);
}

/** A process that writes and defines, and as many workers as are started. */
export async function openRecomputeHarness(url: string, redisUrl?: string): Promise<RecomputeHarness> {
  const database = connect({ url, connectionsMax: 4 });
  const catalogue = new Catalogue(database);
  const bell = await openBell(database, redisUrl);
  const groupCommit = new GroupCommit(database, {
    announce: bell.ringsInCommit,
    onCommit: (notice) => bell.tell(notice),
  });
  const ingest = new Ingest(database, catalogue, groupCommit, { pointsPerCallMax: 1_000_000 });
  const definer = new Definer(database, catalogue, {
    announce: bell.ringsInCommit,
    onDefined: (revision) => {
      if (!bell.ringsInCommit) bell.tell({ previous: revision - 1, revision, series: [] });
    },
  });
  const settled = new Settled(database);
  const passes: PassResult[] = [];
  const workers = new Set<{ stop(): Promise<void> }>();
  return {
    database,
    catalogue,
    ingest,
    definer,
    bell,
    passes,
    startWorker: async ({ log = (line: string) => void process.stdout.write(`${line}\n`) } = {}) => {
      const workerDatabase = connect({ url, connectionsMax: 4 });
      const workerBell = await openBell(workerDatabase, redisUrl);
      let stopping = false;
      const builds = new BackfillJobs(workerDatabase, workerBell, { log, isStopping: () => stopping });
      const recompute = new Recompute(workerDatabase, workerBell, {
        log,
        build: (definition) => builds.run(definition),
        // Every other one commits each lane as soon as it is there, as large ones are.
        commitPoints: workers.size % 2 === 1 ? 1 : undefined,
        onPass: (passed) => passes.push(passed),
      });
      await recompute.start();
      const nothing = async () => undefined;
      const working = await workerBell.work(
        {
          seal: nothing,
          sweep: nothing,
          import: nothing,
          summary: nothing,
          build: ({ definition }) => builds.run(definition),
          advance: () => recompute.advance(),
        },
        4,
      );
      const worker = {
        stop: async () => {
          workers.delete(worker);
          stopping = true;
          await recompute.stop();
          await working.stop();
          await workerBell.stop();
          await workerDatabase.close();
        },
      };
      workers.add(worker);
      return worker;
    },
    settled: async () => {
      const deadline = Date.now() + patienceMillis;
      for (;;) {
        const [{ building }] = await database.query<{ building: string }>(
          `SELECT count(*) AS building FROM definitions WHERE state = 'BUILDING' AND problem IS NULL`,
        );
        const newest = await catalogue.newestRevision();
        if (building === '0' && (await settled.revision()) >= newest) return newest;
        if (Date.now() > deadline) {
          const lanes = await database.query(
            `SELECT key, state, partition, upstream, definition, problem, basis, stops, untils, step IS NOT NULL AS stepped, worker
             FROM definitions AS d JOIN series ON series.id = d.series JOIN lanes ON definition = d.id
             LEFT JOIN leases USING (partition) ORDER BY d.id`,
          );
          throw new Error(
            `not settled: ${await settled.revision()} of ${newest}\n${lanes.map((lane) => JSON.stringify(lane)).join('\n')}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stop: async () => {
      for (const worker of [...workers]) await worker.stop();
      await groupCommit.drain();
      await bell.stop();
      await database.close();
    },
  };
}

/** What a series holds at a revision, read from the store. */
export async function heldAt(world: RecomputeHarness, key: string, asOf: number): Promise<Held> {
  const [row] = await world.catalogue.seriesByKeys([key]);
  let storage = row.id;
  if (row.kind === 'DERIVED') {
    const definitions = await readHistoryOfDefinitions(world.database, [row.id]);
    const definition = definitions.find(
      ({ since, until }) => since !== null && since <= asOf && (until === null || asOf < until),
    );
    if (!definition) return new Map();
    storage = storageOf(definition);
  }
  const points = foldVersions(await readVersions(world.database, storage, everything), asOf);
  return new Map(
    [...points.t].map((t, i) => {
      const size = points.size?.[i] ?? Number.NaN;
      return [t, { value: points.value[i], size: Number.isNaN(size) ? undefined : size }];
    }),
  );
}

/** What a formula says of series, computed from the beginning. */
export async function computed(formula: string, series: ReadonlyMap<string, Held>): Promise<Map<number, number>> {
  const lane = new MemoryLane(planFormula(parseFormula(formula, operatorsByName)));
  await lane.bring(series, new Map([...series.keys()].map((key) => [key, [everything]])), 4_096);
  return new Map([...lane.output].sort((a, b) => a[0] - b[0]));
}
