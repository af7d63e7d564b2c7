import type { Versions } from '../engine/versions.ts';
import { readBinary } from './binary-in.ts';
import { float8Array, int4Array, int8Array } from './binary-out.ts';
import { blockParameters, blockValues, type Column, packBlocks, releaseBlocks } from './block-columns.ts';
import { columnsCount } from './block-reads.ts';
import type { Database } from './connect.ts';
import { type Asked, arraysOf, changedTaker, retryAtOf, retryMillis } from './definitions.ts';
import { runPrepared } from './direct-query.ts';
import { retryOnConnectionLoss } from './retry.ts';

/** The progress of a definition: the revision that it reflects, and the earlier revisions at which it was exact. */
export interface LaneRow {
  readonly definition: number;
  /** -1 before the first computation. */
  readonly basis: number;
  /** The earlier bases, each exact up to the revision in `untils`. */
  readonly stops: readonly number[];
  readonly untils: readonly number[];
  readonly step: Step | null;
}

/** The state of a definition whose last computation failed. */
export interface Trouble {
  readonly problem: string | null;
  readonly attempts: number;
  /** The time of the next attempt, on the clock of performance.now(). */
  readonly retryAt: number | null;
}

/** The state of a backfill, which has one target revision from its start to its end. */
export interface Step {
  /** The number of steps done. */
  readonly count: number;
  readonly target: number;
  /** The stage that holds its blocks. */
  readonly stage: string;
  /** The current stage of the formula, and the instant up to which it is done. */
  readonly at: number;
  readonly done: number;
  /** The share of the work that is done, from 0 to 1. */
  readonly progress: number;
}

export interface Wave {
  readonly number: number;
  readonly revision: number;
  /** The newest revision. */
  readonly newest: number;
  readonly ageMillis: number;
  /** The version of the catalogue. */
  readonly version: number;
}

export interface CheckpointRow {
  readonly definition: number;
  readonly stage: number;
  readonly t: number;
  readonly states: readonly (readonly number[])[];
}

export interface Block {
  readonly storage: number;
  readonly column: Column;
}

/** The advance of a lane from one revision to another. */
export interface Way {
  readonly definition: number;
  readonly basis: number;
  readonly target: number;
  /** The revision up to which it was exact at its basis. */
  readonly until: number;
  readonly blocks: readonly Block[];
  readonly checkpoints: readonly CheckpointRow[];
  /** The stage that is published with it. */
  readonly stage: string | undefined;
}

const answerMillis = 60_000;

export async function readLanes(
  database: Database,
  definitions: readonly number[],
): Promise<(LaneRow & { readonly trouble: Trouble })[]> {
  const rows = await database.query<{
    definition: number;
    basis: string;
    stops: string[];
    untils: string[];
    step: Step | null;
    problem: string | null;
    attempts: number;
    retry_millis: number | null;
  }>(
    `SELECT l.definition, l.basis, l.stops, l.untils, l.step, d.problem, d.attempts, ${retryMillis}
     FROM lanes AS l JOIN definitions AS d ON d.id = l.definition WHERE l.definition = ANY ($1::int[])`,
    [definitions],
  );
  return rows.map(({ definition, basis, stops, untils, step, problem, attempts, retry_millis }) => ({
    definition,
    basis: Number(basis),
    stops: stops.map(Number),
    untils: untils.map(Number),
    step,
    trouble: { problem, attempts, retryAt: retryAtOf(retry_millis) },
  }));
}

/** The newest wave. Opens one when the last is older than `ageMillis` and there are new commits. */
export async function openWave(database: Database, ageMillis: number): Promise<Wave> {
  const [row] = await database.query<{ wave: Wave }>('SELECT tidemark_wave($1) AS wave', [ageMillis]);
  return row.wave;
}

/** Like `openWave`, and reads the changes of storages up to that revision in the same statement. */
export async function setOut(
  database: Database,
  ageMillis: number,
  asked: readonly Asked[],
): Promise<{ readonly wave: Wave; readonly changed: Map<number, Versions> }> {
  const rows = await readBinary(database, `SELECT * FROM tidemark_set_out(${ageMillis}, ${arraysOf(asked)})`);
  const take = changedTaker(rows, 1);
  rows.next();
  const wave: Wave = JSON.parse(rows.text() ?? '');
  rows.skip(2 + columnsCount);
  return { wave, changed: take(wave.revision) };
}

/** The revisions of the newest waves, newest first. */
export async function recentWaves(database: Database, count: number): Promise<number[]> {
  const rows = await database.query<{ revision: string }>('SELECT revision FROM waves ORDER BY number DESC LIMIT $1', [
    count,
  ]);
  return rows.map(({ revision }) => Number(revision));
}

/** Writes states one after another, each preceded by its length. */
function packStates(states: readonly (readonly number[])[]): number[] {
  return states.flatMap((state) => [state.length, ...state]);
}

function unpackStates(packed: readonly number[]): number[][] {
  const states: number[][] = [];
  for (let at = 0; at < packed.length; ) {
    const length = packed[at];
    states.push(packed.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return states;
}

function checkpointValues(checkpoints: readonly CheckpointRow[]): Buffer[] {
  const packed = checkpoints.map(({ states }) => packStates(states));
  const starts: number[] = [];
  let at = 1;
  for (const states of packed) {
    starts.push(at);
    at += states.length;
  }
  return [
    int4Array(checkpoints.map(({ definition }) => definition)),
    int4Array(checkpoints.map(({ stage }) => stage)),
    int8Array(checkpoints.map(({ t }) => t)),
    int4Array(starts),
    int4Array(packed.map(({ length }) => length)),
    float8Array(packed.flat()),
  ];
}

const deriveStatement = {
  name: 'tidemark_derive',
  text: `SELECT tidemark_derive($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::jsonb, $6::text,
  $7::int[], $8::int[], $9::bigint[], $10::int[], $11::int[], $12::float8[], $13::int[], $14::bigint[], ${blockParameters(15)}) AS elsewhere`,
};

/**
 * Advances lanes and writes their changes in one commit. Returns the lanes that another process has moved; in that case
 * nothing was written. After a lost answer and a retry, lanes that this call moved are among them.
 */
export async function derive(database: Database, ways: readonly Way[], notice: string | undefined): Promise<number[]> {
  const blocks = ways.flatMap((way) => way.blocks.map((block) => ({ ...block, target: way.target })));
  const packed = packBlocks(blocks.map(({ column }) => column));
  const stages = ways.flatMap(({ stage }, at) => (stage === undefined ? [] : [{ id: stage, at }]));
  const values = [
    int4Array(ways.map(({ definition }) => definition)),
    int8Array(ways.map(({ basis }) => basis)),
    int8Array(ways.map(({ target }) => target)),
    int8Array(ways.map(({ until }) => until)),
    JSON.stringify(stages),
    notice ?? null,
    ...checkpointValues(ways.flatMap(({ checkpoints }) => checkpoints)),
    int4Array(blocks.map(({ storage }) => storage)),
    int8Array(blocks.map(({ target }) => target)),
    ...blockValues(packed),
  ];
  const send = () => runPrepared<{ elsewhere: number[] }>(database, answerMillis, deriveStatement, values);
  const [{ elsewhere }] = await retryOnConnectionLoss(send, database.patienceMillis);
  releaseBlocks(packed);
  return elsewhere;
}

const stepStatement = {
  name: 'tidemark_step',
  text: `SELECT tidemark_step($1::int, $2::bigint, $3::int, $4::jsonb,
  $5::int[], $6::int[], $7::bigint[], $8::int[], $9::int[], $10::float8[], $11::int[], ${blockParameters(12)}) AS taken`,
};

/** Records a step of a backfill; false when it was recorded already, or the backfill has another target now. */
export async function takeStep(
  database: Database,
  lane: { readonly definition: number; readonly basis: number },
  step: Step,
  blocks: readonly Block[],
  checkpoints: readonly CheckpointRow[],
): Promise<boolean> {
  const packed = packBlocks(blocks.map(({ column }) => column));
  const values = [
    lane.definition,
    lane.basis,
    step.count - 1,
    JSON.stringify(step),
    ...checkpointValues(checkpoints),
    int4Array(blocks.map(({ storage }) => storage)),
    ...blockValues(packed),
  ];
  const send = () => runPrepared<{ taken: boolean }>(database, answerMillis, stepStatement, values);
  const [{ taken }] = await retryOnConnectionLoss(send, database.patienceMillis);
  releaseBlocks(packed);
  return taken;
}

/** Checkpoints of each requested stage: the last ones up to an instant, latest first, or the first ones after it. */
export async function readCheckpoints(
  database: Database,
  asked: readonly {
    readonly definition: number;
    readonly stage: number;
    readonly side: 'before' | 'after';
    readonly t: number;
    readonly count: number;
  }[],
): Promise<CheckpointRow[][]> {
  const side = (comparison: string, order: string) =>
    `(SELECT t, states FROM checkpoints WHERE definition = asked.definition AND stage = asked.stage
        AND t ${comparison} asked.t AND asked.before = ${comparison === '<='} ORDER BY t ${order} LIMIT asked.count)`;
  const rows = await database.query<{ place: string; t: string; states: number[] }>(
    `SELECT place, stood.t, stood.states
     FROM unnest($1::int[], $2::int[], $3::boolean[], $4::bigint[], $5::int[]) WITH ORDINALITY
         AS asked (definition, stage, before, t, count, place),
       LATERAL (${side('<=', 'DESC')} UNION ALL ${side('>', 'ASC')}) AS stood`,
    [
      asked.map(({ definition }) => definition),
      asked.map(({ stage }) => stage),
      asked.map((one) => one.side === 'before'),
      asked.map(({ t }) => t),
      asked.map(({ count }) => count),
    ],
  );
  const found: CheckpointRow[][] = asked.map(() => []);
  for (const row of rows) {
    const place = Number(row.place) - 1;
    const { definition, stage } = asked[place];
    found[place].push({ definition, stage, t: Number(row.t), states: unpackStates(row.states) });
  }
  for (const [i, list] of found.entries()) list.sort((a, b) => (asked[i].side === 'before' ? b.t - a.t : a.t - b.t));
  return found;
}

/** Renews a worker's leases, and returns its partitions. */
export async function leasePartitions(
  database: Database,
  worker: string,
  seconds: number,
  partitions: number,
): Promise<number[]> {
  const [row] = await database.query<{ held: number[] }>('SELECT tidemark_lease($1::uuid, $2, $3) AS held', [
    worker,
    seconds,
    partitions,
  ]);
  return row.held;
}

export async function releasePartitions(database: Database, worker: string): Promise<void> {
  await database.query('SELECT tidemark_release($1::uuid)', [worker]);
}

/** The progress of a definition, and the first later change of its sources. */
export interface Standing extends Omit<LaneRow, 'step'> {
  readonly series: number;
  /** The id under which its points are stored. */
  readonly storage: number;
  readonly upstream: readonly number[];
  readonly since: number;
  /** True when it replaced another definition. Then it answers from `since` on. */
  readonly replaces: boolean;
  readonly failed: boolean;
  /** The first revision after the basis that changed one of its sources; infinite when none did. */
  readonly firstChange: number;
}

/** A row of tidemark_standings. In JSON, bigints are numbers. */
export interface StandingRow
  extends Pick<Standing, 'definition' | 'series' | 'storage' | 'upstream' | 'replaces' | 'failed'> {
  readonly basis: string | number;
  readonly since: string | number;
  readonly stops: readonly (string | number)[];
  readonly untils: readonly (string | number)[];
  readonly first_change: string | number | null;
  readonly newest: string | number;
}

export function standingOf(row: StandingRow): Standing {
  return {
    definition: row.definition,
    series: row.series,
    storage: row.storage,
    upstream: row.upstream,
    since: Number(row.since),
    replaces: row.replaces,
    failed: row.failed,
    basis: Number(row.basis),
    stops: row.stops.map(Number),
    untils: row.untils.map(Number),
    firstChange: row.first_change === null ? Number.POSITIVE_INFINITY : Number(row.first_change),
  };
}

/** The progress of live definitions: those of some series, those that depend on some sources, or all. */
export async function readStandings(
  database: Database,
  which: { readonly series?: readonly number[]; readonly sources?: readonly number[] } = {},
): Promise<{ readonly newest: number; readonly standings: readonly Standing[] }> {
  const rows = await database.query<StandingRow>('SELECT * FROM tidemark_standings($1::int[], $2::int[])', [
    which.series ?? null,
    which.sources ?? null,
  ]);
  const standings = rows.map(standingOf);
  return { newest: rows.length > 0 ? Number(rows[0].newest) : await readNewestRevision(database), standings };
}

export async function readNewestRevision(database: Database): Promise<number> {
  const [row] = await database.query<{ newest: string }>('SELECT coalesce(max(revision), 0) AS newest FROM commits');
  return Number(row.newest);
}
