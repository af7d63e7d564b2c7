import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault } from '../engine/fault.ts';
import type { Column } from '../store/block-columns.ts';
import {
  type CommitRequest,
  type Committed,
  commit,
  commitPointsMax,
  isKeyDerived,
  type NewSeries,
  type Refused,
} from '../store/commit.ts';
import type { Database } from '../store/connect.ts';
import { type Deletion, deleteSeries } from '../store/definitions.ts';
import type { CommittedBlocks } from '../store/recent-commits.ts';
import { cutAtGaps, mergeColumns } from './column.ts';

/** A write that is committed whole or not at all. */
export interface SourceWrite {
  /** A write with a note gets its own revision, because a note belongs to a revision. */
  readonly note: string | null;
  readonly idempotency?: { readonly key: string; readonly hash: string } | undefined;
  /** The answer for a repetition with the same key, beside the revision. */
  readonly answer: object;
  readonly creates: readonly NewSeries[];
  /** Sorted columns, by the id of their series or by the key of one of `creates`; the key is given in any case. */
  readonly columns: readonly {
    readonly series: number | string;
    readonly key?: string | undefined;
    readonly column: Column;
  }[];
  /** For deletions: the points to delete were read at the base. */
  readonly guard?:
    | { readonly series: number; readonly base: number; readonly from: number; readonly to: number }
    | undefined;
  /** Blocks that are already staged. Series below 0 refer to `creates`. Such a write is committed alone. */
  readonly staged?: { readonly stages: readonly string[]; readonly series: readonly number[] } | undefined;
}

export type WriteOutcome =
  | { readonly kind: 'written'; readonly revision: number; readonly created: ReadonlyMap<string, number> }
  | { readonly kind: 'repeat'; readonly answer: Record<string, unknown> }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'stale' }
  | { readonly kind: 'missing'; readonly series: readonly number[] };

interface CommitEvent {
  readonly previous: number;
  readonly revision: number;
  /** undefined when the catalogue changed, which concerns every reader. */
  readonly series: readonly number[] | undefined;
  readonly points: number;
}

interface WaitingWrite {
  readonly write: SourceWrite;
  readonly points: number;
  readonly settle: (outcome: WriteOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** The limit of points in waiting writes. Above it, writes are refused until there is room. */
const waitingPointsMax = 4_000_000;

const writesPerCommitMax = 2_000;

/**
 * A second commit starts while the first is in progress only when it has this many points: below, it is not worth a
 * round trip of its own.
 */
const secondCommitPoints = 4_000;

export interface GroupCommitOptions {
  /** True when the commit itself announces (PostgreSQL's NOTIFY). */
  readonly announce: boolean;
  /** Called with the blocks of a commit that did nothing else. */
  readonly onBlocks?: (blocks: CommittedBlocks) => void;
  readonly onCommit?: (notice: CommitEvent) => void;
}

/**
 * Combines the writes of this process into commits. A single write goes at once; under load, a commit has all writes
 * that arrived during the previous one.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #options: GroupCommitOptions;
  #waiting: WaitingWrite[] = [];
  #waitingPoints = 0;
  readonly #underWay = new Set<Promise<void>>();
  /** The number of commits in progress. */
  #inFlight = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];
  #closed = false;
  /** The number of commits, and of the writes and points in them. */
  readonly counts = { commits: 0, writes: 0, points: 0 };

  constructor(database: Database, options: GroupCommitOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** Resolves when the commits in progress have ended; undefined when there are none. */
  get committing(): Promise<unknown> | undefined {
    return this.#underWay.size > 0 ? Promise.all(this.#underWay) : undefined;
  }

  get waitingPoints(): number {
    return this.#waitingPoints;
  }

  submit(write: SourceWrite): Promise<WriteOutcome> {
    const points = write.columns.reduce((sum, { column }) => sum + column.t.length, 0);
    if (this.#closed) throw new Fault('UNAVAILABLE', 'The server is stopping. Try again in a moment.');
    if (this.#waitingPoints + points > waitingPointsMax) {
      throw new Fault(
        'UNAVAILABLE',
        'More is being written than the database takes: nothing was written. Try again in a moment.',
      );
    }
    return new Promise((settle, fail) => {
      this.#waiting.push({ write, points, settle, fail });
      this.#waitingPoints += points;
      this.#schedule();
    });
  }

  /** Deletes a series, in its own commit. */
  async remove(series: number): Promise<Deletion> {
    const deletion = await deleteSeries(this.#database, series, this.#options.announce);
    if ('revision' in deletion) {
      const { revision } = deletion;
      this.#options.onCommit?.({ previous: revision - 1, revision, series: [series], points: 0 });
    }
    return deletion;
  }

  /** Refuses new writes, and resolves when all accepted ones are committed or have failed. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#underWay.size === 0 && this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (
      this.#waiting.length > 0 &&
      (this.#inFlight === 0 || (this.#inFlight === 1 && this.#waitingPoints >= secondCommitPoints))
    ) {
      this.#inFlight++;
      const committing = this.#commitBatch(this.#takeBatch()).finally(() => {
        this.#underWay.delete(committing);
        this.#pump();
      });
      this.#underWay.add(committing);
    }
    if (this.#waiting.length === 0 && this.#underWay.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Takes the next writes in order, as many as one commit may have. Two with one idempotency key, or two that delete
   * from one series, must see each other's outcome: the second waits.
   */
  #takeBatch(): WaitingWrite[] {
    const batch: WaitingWrite[] = [];
    const left: WaitingWrite[] = [];
    const keys = new Set<string>();
    const deleted = new Set<number>();
    let points = 0;
    for (let i = 0; i < this.#waiting.length; i++) {
      const next = this.#waiting[i];
      const { idempotency, guard, staged } = next.write;
      const deletesOf = guard?.series;
      const full = batch.length >= writesPerCommitMax || (batch.length > 0 && points + next.points > commitPointsMax);
      const alone = batch.length > 0 && (staged !== undefined || batch[0].write.staged !== undefined);
      if (full || alone) {
        left.push(...this.#waiting.slice(i));
        break;
      }
      if ((idempotency && keys.has(idempotency.key)) || (deletesOf !== undefined && deleted.has(deletesOf))) {
        left.push(next);
        continue;
      }
      if (idempotency) keys.add(idempotency.key);
      if (deletesOf !== undefined) deleted.add(deletesOf);
      batch.push(next);
      points += next.points;
    }
    this.#waiting = left;
    this.#waitingPoints -= points;
    return batch;
  }

  async #commitBatch(batch: readonly WaitingWrite[]): Promise<void> {
    let rest = batch;
    let isAnswered = false;
    const answered = () => {
      if (!isAnswered) this.#inFlight--;
      isAnswered = true;
    };
    try {
      while (rest.length > 0) {
        const plan = planCommit(rest.map(({ write }) => write));
        const answer = await this.#commit(plan);
        if (!answer) {
          // A key to be created now names a derived series: those writes are planned again.
          for (const { write, settle } of rest) if (write.creates.length > 0) settle({ kind: 'missing', series: [] });
          rest = rest.filter(({ write }) => write.creates.length === 0);
          continue;
        }
        if (answer.kind === 'committed') {
          answered();
          // Notifying readers can take a while: the database gets the next commit first.
          if (this.#waiting.length > 0) {
            this.#pump();
            await nextTurn();
          }
          this.#settle(rest, plan, answer);
          return;
        }
        rest = refuse(rest, answer);
      }
    } catch (error) {
      for (const waiting of rest) waiting.fail(error);
    } finally {
      answered();
    }
  }

  /** undefined when a key to be created is derived by now. */
  async #commit(plan: CommitPlan): Promise<Committed | Refused | undefined> {
    try {
      return await commit(this.#database, plan.request, { announce: this.#options.announce });
    } catch (error) {
      if (isKeyDerived(error)) return undefined;
      throw error;
    }
  }

  #settle(batch: readonly WaitingWrite[], plan: CommitPlan, answer: Committed): void {
    const created = new Map(plan.request.creates.map((create, i) => [create.key, answer.created[i]]));
    this.counts.commits++;
    this.counts.writes += batch.length;
    batch.forEach((waiting, i) => {
      this.counts.points += waiting.points;
      waiting.settle({ kind: 'written', revision: answer.previous + 1 + plan.at[i], created });
    });
    const touched = new Set<number>(plan.request.stages.flatMap(({ series }) => [...series]));
    for (const { series } of plan.request.blocks) touched.add(series);
    const idOf = (series: number) => (series < 0 ? answer.created[-series - 1] : series);
    const { previous } = answer;
    const revision = previous + answer.revisions;
    if (plan.request.stages.length === 0 && plan.request.creates.length === 0) {
      const blocks = plan.request.blocks.map(({ at, series, column }) => ({
        series,
        revision: previous + 1 + at,
        column,
      }));
      this.#options.onBlocks?.({ previous, revision, blocks });
    }
    this.#options.onCommit?.({
      previous,
      revision,
      points: batch.reduce((sum, { points }) => sum + points, 0),
      series: [...touched].map(idOf),
    });
  }
}

/** Settles the writes that were refused, and returns the others. */
function refuse(batch: readonly WaitingWrite[], answer: Refused): WaitingWrite[] {
  const missing = new Set(answer.missing);
  const settled = new Set<number>();
  for (const { write, why, answer: earlier } of answer.refused) {
    settled.add(write);
    batch[write].settle(why === 'repeat' ? { kind: 'repeat', answer: earlier ?? {} } : { kind: why });
  }
  batch.forEach(({ write, settle }, i) => {
    if (settled.has(i)) return;
    const ids = [...write.columns.map(({ series }) => series), ...(write.staged?.series ?? []), write.guard?.series];
    const gone = ids.filter((id): id is number => typeof id === 'number' && missing.has(id));
    if (gone.length === 0) return;
    settled.add(i);
    settle({ kind: 'missing', series: gone });
  });
  if (settled.size === 0) throw new Error('a commit was refused, but no write of it');
  return batch.filter((_, i) => !settled.has(i));
}

interface CommitPlan {
  readonly request: CommitRequest;
  /** The revision of each write, as an index. */
  readonly at: readonly number[];
}

/**
 * Numbers the revisions of a commit and merges its columns. Deletions come first: they delete what was there when they
 * were read, so the points of other writes in the same commit come after them.
 */
export function planCommit(writes: readonly SourceWrite[]): CommitPlan {
  const deletions = writes.filter((write) => write.guard);
  const others = writes.filter((write) => !write.guard);
  const own = (write: SourceWrite) => write.note !== null || write.staged !== undefined;
  const revisions: { note: string | null }[] = [];
  const at = new Map<SourceWrite, number>();
  const give = (write: SourceWrite) => {
    at.set(write, revisions.length);
    revisions.push({ note: write.note });
  };
  for (const write of deletions.filter(own)) give(write);
  const shared = [...deletions, ...others].filter((write) => !own(write));
  for (const write of shared) at.set(write, revisions.length);
  if (shared.length > 0) revisions.push({ note: null });
  for (const write of others.filter(own)) give(write);

  const ordered = [...deletions, ...others];
  const creates = new Map<string, NewSeries & { at: number }>();
  for (const write of ordered) {
    for (const create of write.creates) {
      const known = creates.get(create.key);
      const revision = at.get(write) ?? 0;
      creates.set(create.key, { ...(known ?? create), at: Math.min(known?.at ?? revision, revision) });
    }
  }
  const position = new Map([...creates.keys()].map((key, i) => [key, -(i + 1)]));
  // A write that creates a series may meet another that knows it: with two blocks of one revision, their order would be
  // unclear.
  const known = new Map<string, number>();
  if (creates.size > 0)
    for (const { key, series } of ordered.flatMap(({ columns }) => columns)) {
      if (key !== undefined && typeof series === 'number') known.set(key, series);
    }
  const columnsAt = revisions.map(() => new Map<number, Column[]>());
  for (const write of ordered) {
    const bySeries = columnsAt[at.get(write) ?? 0];
    for (const { series, column } of write.columns) {
      const id = typeof series === 'number' ? series : (known.get(series) ?? position.get(series) ?? 0);
      const same = bySeries.get(id);
      if (same) same.push(column);
      else bySeries.set(id, [column]);
    }
  }
  const blocks: { at: number; series: number; column: Column }[] = [];
  for (const [revision, bySeries] of columnsAt.entries())
    for (const [series, columns] of bySeries)
      for (const merged of mergeColumns(columns))
        for (const column of cutAtGaps(merged)) blocks.push({ at: revision, series, column });
  return {
    at: writes.map((write) => at.get(write) ?? 0),
    request: {
      revisions,
      checks: writes.flatMap(({ idempotency, guard }, write) =>
        idempotency || guard ? [{ write, ...idempotency, guard }] : [],
      ),
      creates: [...creates.values()],
      stages: writes.flatMap(({ staged }, i) =>
        (staged?.stages ?? []).map((id) => ({ id, series: staged?.series ?? [], at: at.get(writes[i]) ?? 0 })),
      ),
      answers: writes.flatMap((write) =>
        write.idempotency ? [{ at: at.get(write) ?? 0, ...write.idempotency, answer: write.answer }] : [],
      ),
      blocks,
    },
  };
}
