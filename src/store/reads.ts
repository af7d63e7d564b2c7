import DataLoader from 'dataloader';
import { clipVersions, mergeVersions, type Versions } from '../engine/versions.ts';
import { readBinary } from './binary-in.ts';
import type { Database } from './connect.ts';
import { type CheckpointRow, readCheckpoints } from './lanes.ts';
import {
  type AskedStep,
  blockReader,
  freshColumns,
  freshIn,
  type Range,
  readSteps,
  type Step,
  sealedColumns,
  sealedIn,
} from './read.ts';

export interface AskedVersions {
  readonly series: number;
  readonly range: Range;
}

export interface AskedCheckpoints {
  readonly definition: number;
  readonly stage: number;
  /** The last one at or before an instant, or the first ones behind it. */
  readonly side: 'before' | 'after';
  readonly t: number;
  readonly count: number;
}

/** So many in one statement. */
const togetherMax = 32;

/**
 * Reads what is asked for at the same time in one statement: of lanes that are brought together, most want something of
 * their own at the same moment, and a statement costs more than the rows.
 */
export class Reads {
  readonly #steps: DataLoader<AskedStep, Step>;
  readonly #versions: DataLoader<AskedVersions, Versions>;
  readonly #checkpoints: DataLoader<AskedCheckpoints, readonly CheckpointRow[]>;

  constructor(database: Database) {
    const options = {
      cache: false,
      maxBatchSize: togetherMax,
      batchScheduleFn: (run: () => void) => void setImmediate(run),
    };
    this.#steps = new DataLoader((asked) => readGrouped(database, asked), options);
    this.#versions = new DataLoader((asked) => readMany(database, asked), options);
    this.#checkpoints = new DataLoader((asked) => readCheckpoints(database, asked), options);
  }

  step(asked: AskedStep): Promise<Step> {
    return this.#steps.load(asked);
  }

  /** Everything that was ever said of the instants of a span. */
  versions(series: number, range: Range): Promise<Versions> {
    return this.#versions.load({ series, range });
  }

  checkpoints(asked: AskedCheckpoints): Promise<readonly CheckpointRow[]> {
    return this.#checkpoints.load(asked);
  }
}

async function readMany(database: Database, asked: readonly AskedVersions[]): Promise<Versions[]> {
  const list = asked.map(({ series, range }, n) => `(${n}, ${series}, ${range.from}::bigint, ${range.to}::bigint)`);
  const span = { from: 'asked.low', to: 'asked.high' };
  const rows = await readBinary(
    database,
    `WITH asked (n, storage, low, high) AS (VALUES ${list.join(',')})
     SELECT n, block.* FROM asked, LATERAL (
       (SELECT ${sealedColumns} ${sealedIn('asked.storage', span)} OFFSET 0)
       UNION ALL (SELECT ${freshColumns} ${freshIn('asked.storage', span)} OFFSET 0)
     ) AS block`,
  );
  const block = blockReader(rows, 1);
  const runs: Versions[][] = asked.map(() => []);
  while (rows.next()) runs[rows.int4()].push(block());
  return runs.map((run, n) => {
    const { from, to } = asked[n].range;
    return mergeVersions(run.map((versions) => clipVersions(versions, from, to)));
  });
}

/** What cannot go in one statement goes in several. */
async function readGrouped(database: Database, asked: readonly AskedStep[]): Promise<Step[]> {
  const groups = new Map<string, { asked: AskedStep[]; places: number[] }>();
  for (const [place, step] of asked.entries()) {
    const name = `${step.direction} ${step.stage?.id}`;
    const group = groups.get(name) ?? { asked: [], places: [] };
    group.asked.push(step);
    group.places.push(place);
    groups.set(name, group);
  }
  const steps: Step[] = [];
  const read = async (group: { asked: AskedStep[]; places: number[] }) => {
    const found = await readSteps(database, group.asked, group.asked[0]);
    found.forEach((step, i) => {
      steps[group.places[i]] = step;
    });
  };
  await Promise.all([...groups.values()].map(read));
  return steps;
}
