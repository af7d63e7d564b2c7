import { randomUUID } from 'node:crypto';
import { int4Array } from './binary-out.ts';
import { blockParameters, blockValues, type Column, packBlocks, releaseBlocks } from './block-columns.ts';
import type { Database } from './connect.ts';
import { runPrepared } from './direct-query.ts';
import { errorCodeOf, retryOnConnectionLoss } from './retry.ts';

export interface NewSeries {
  readonly key: string;
  readonly name?: string | null | undefined;
  readonly unit?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
}

/**
 * A condition that must hold once the commit has its lock. `write` is the caller's number of the write that it belongs
 * to.
 */
interface Check {
  readonly write: number;
  readonly key?: string | undefined;
  readonly hash?: string | undefined;
  /** No version in [from, to) of the series is newer than the base. */
  readonly guard?:
    | { readonly series: number; readonly base: number; readonly from: number; readonly to: number }
    | undefined;
  /** No other worker has taken the import since, and no user wants it cancelled. */
  readonly taken?: { readonly import: number; readonly epoch: number } | undefined;
}

/** In all fields, `at` is an index into `revisions`. */
export interface CommitRequest {
  readonly revisions: readonly { readonly note: string | null; readonly import?: number }[];
  readonly checks: readonly Check[];
  readonly creates: readonly (NewSeries & { readonly at: number })[];
  readonly stages: readonly { readonly id: string; readonly series: readonly number[]; readonly at: number }[];
  readonly answers: readonly {
    readonly at: number;
    readonly key: string;
    readonly hash: string;
    readonly answer: object;
  }[];
  /** `series` is an id, or -(i + 1) for creates[i]. In the stages of an import, -n is its n-th new series. */
  readonly blocks: readonly { readonly at: number; readonly series: number; readonly column: Column }[];
}

export interface Committed {
  readonly kind: 'committed';
  /** The revision before the first of this commit. */
  readonly previous: number;
  readonly revisions: number;
  /** The ids of `creates`. */
  readonly created: readonly number[];
  readonly new: readonly boolean[];
}

export interface Refused {
  readonly kind: 'refused';
  readonly refused: readonly {
    readonly write: number;
    readonly why: 'repeat' | 'conflict' | 'stale';
    readonly answer: Record<string, unknown> | null;
  }[];
  /** Series that no longer exist. */
  readonly missing: readonly number[];
}

/** The limit of points in a commit. A larger write would hold the lock too long, so it is staged first. */
export const commitPointsMax = 20_000;

const statement = {
  name: 'tidemark_commit_2',
  text: `SELECT tidemark_commit_2($1::uuid, $2::jsonb, $3::jsonb, $4::jsonb, $5::jsonb, $6::jsonb,
  $7::boolean, $8::int[], $9::int[], ${blockParameters(10)}) AS answer`,
};

/** The time to wait for the answer of a commit. After it, the commit is sent again on another connection. */
const answerMillis = 20_000;

/**
 * Makes one commit, which is durable when this returns. The batch id makes a retry after a lost connection safe: the
 * second call waits for the first at the lock, and then gets its answer.
 */
export async function commit(
  database: Database,
  request: CommitRequest,
  options: { announce: boolean },
): Promise<Committed | Refused> {
  const packed = packBlocks(request.blocks.map((block) => block.column));
  const checks = request.checks.map(({ guard, taken, ...check }) => ({ ...check, ...guard, ...taken }));
  const values = [
    randomUUID(),
    JSON.stringify(checks),
    JSON.stringify(request.revisions),
    JSON.stringify(request.creates.map((create) => ({ ...create, tags: create.tags ?? [] }))),
    JSON.stringify(request.stages),
    JSON.stringify(request.answers),
    options.announce,
    int4Array(request.blocks.map((block) => block.at)),
    int4Array(request.blocks.map((block) => block.series)),
    ...blockValues(packed),
  ];
  const send = () => runPrepared<{ answer: Answer }>(database, answerMillis, statement, values);
  const [{ answer }] = await retryOnConnectionLoss(send, database.patienceMillis);
  releaseBlocks(packed);
  return 'refused' in answer ? { ...answer, kind: 'refused' } : { ...answer, kind: 'committed' };
}

/** True when ticks were committed within this time. Derived points and definitions do not count. */
export async function wasWritten(database: Database, millis: number): Promise<boolean> {
  const [row] = await database.query<{ written: boolean }>(
    `SELECT EXISTS (SELECT FROM batches WHERE at > clock_timestamp() - $1 * interval '1 millisecond') AS written`,
    [millis],
  );
  return row.written;
}

/** True when a commit failed because a series that it creates exists as a derived series. */
export function isKeyDerived(error: unknown): boolean {
  return errorCodeOf(error) === 'TM001';
}

type Answer = Omit<Committed, 'kind'> | Omit<Refused, 'kind'>;
