import { batchesOf } from '../../engine/batches.ts';
import type { Range } from '../../engine/ranges.ts';
import type { Versions } from '../../engine/versions.ts';
import type { Column } from '../../store/block-columns.ts';
import { readSteps, stepBlocksMax, stepBlocksMin } from '../../store/block-reads.ts';
import { Catalogue } from '../../store/catalogue.ts';
import type { Database } from '../../store/connect.ts';
import { dropStages, recordStages } from '../../store/imports/import-stages.ts';
import { revisionsOf, seriesOfRevisions, touchedOf } from '../../store/imports/import-undo.ts';
import type { ImportEnding } from '../../store/imports/import-work.ts';
import { type StagedColumn, stageBlocks, stagedBlockPoints, statementPointsMax } from '../../store/staged-blocks.ts';
import type { ImportRun } from './import-run.ts';
import { type PublishGuard, publishStages } from './publish-stages.ts';

/** The number of attempts when other clients keep writing the same points. */
const attemptsMax = 30;

const blocksPerStage = 2_048;
const seriesPerStatement = 1_000;

/** Reads all versions of some spans in batches of bounded memory. One statement reads several short spans. */
async function* readTogether(
  database: Database,
  spans: readonly { readonly series: number; readonly range: Range }[],
): AsyncGenerator<{ readonly series: number; readonly versions: Versions }> {
  const direction = 'forward';
  let waiting = spans;
  while (waiting.length > 0) {
    const some = waiting.slice(0, stepBlocksMax / stepBlocksMin);
    const blocks = Math.floor(stepBlocksMax / some.length);
    const steps = await readSteps(
      database,
      some.map((span) => ({ ...span, direction, blocks })),
      { direction },
    );
    const rest = some.map(({ series, range }, i) => ({ series, range: { from: steps[i].range.to, to: range.to } }));
    waiting = [...rest.filter(({ range }) => range.from < range.to), ...waiting.slice(some.length)];
    for (const [i, { versions }] of steps.entries()) yield { series: some[i].series, versions };
  }
}

/** Restores every point that the import changed to its earlier value, unless somebody has changed it since. */
export async function undoImport(task: ImportRun): Promise<ImportEnding> {
  const { database, lease, taken } = task;
  const { fromRevision, toRevision } = taken;
  if (fromRevision === null || toRevision === null) return { status: 'UNDONE', restored: 0, kept: 0 };
  for (let attempt = 0; attempt < attemptsMax || lease.isPublished; attempt++) {
    await dropStages(database, lease);
    const undoing = new Undoing(task, fromRevision, toRevision);
    if (!(await undoing.prepare())) return { status: 'DONE', problem: forgotten(fromRevision, lease.isPublished) };
    const answer = await publishStages(task, (stages) => stages.flatMap((stage) => undoing.guards.get(stage) ?? []));
    if (answer === 'done') return { status: 'UNDONE', restored: undoing.restored, kept: undoing.kept };
  }
  return {
    status: 'DONE',
    problem: 'It could not be undone: its points are being changed faster than they can be restored. Try again.',
  };
}

function forgotten(revision: number, isPart: boolean): string {
  const what = isPart ? 'Only a part of it could be undone' : 'It cannot be undone';
  return `${what}: what its points held before revision ${revision} is no longer kept (--history-days).`;
}

/** Reads the earlier values and stages them. */
class Undoing {
  readonly #task: ImportRun;
  readonly #from: number;
  readonly #to: number;
  /** The guards that must hold for each stage when it is published. */
  readonly guards = new Map<string, PublishGuard[]>();
  restored = 0;
  kept = 0;
  #waiting: StagedColumn[] = [];
  #points = 0;
  #base = 0;

  constructor(task: ImportRun, from: number, to: number) {
    this.#task = task;
    this.#from = from;
    this.#to = to;
  }

  /** Returns false when the earlier values are no longer kept. */
  async prepare(): Promise<boolean> {
    const { database, lease } = this.#task;
    const catalogue = new Catalogue(database);
    this.#base = await catalogue.newestRevision();
    const revisions = await revisionsOf(database, lease.id);
    const own = new Set(revisions.filter((revision) => revision <= this.#to));
    const back = new Set(revisions.filter((revision) => revision > this.#to));
    const series = await seriesOfRevisions(database, [...own]);
    for (const some of batchesOf(series, { weightMax: seriesPerStatement })) {
      const touched = await touchedOf(database, some, { first: this.#from, last: this.#to });
      for await (const { series: one, versions } of readTogether(database, touched)) {
        lease.check();
        await this.#lay(one, this.#before(versions, own, back));
      }
    }
    await this.#flush();
    // Retention keeps versions that a running undo still reads.
    return (await catalogue.oldestRevision()) < this.#from;
  }

  /** The values before the import last changed the instants, where nobody has changed them since. */
  #before(versions: Versions, own: ReadonlySet<number>, back: ReadonlySet<number>): Column {
    const { t, revision, value, size } = versions;
    const at: number[] = [];
    for (let i = 0; i < t.length; ) {
      let end = i;
      let before = -1;
      let isOwn = false;
      for (; end < t.length && t[end] === t[i]; end++) {
        if (own.has(revision[end])) isOwn = true;
        else before = end;
      }
      const last = revision[end - 1];
      if (isOwn && own.has(last)) at.push(i, before);
      else if (isOwn && back.has(last)) this.restored++;
      else if (isOwn) this.kept++;
      i = end;
    }
    const pick = (from: Float64Array | undefined) =>
      Float64Array.from({ length: at.length / 2 }, (_, n) =>
        from && at[n * 2 + 1] >= 0 ? from[at[n * 2 + 1]] : Number.NaN,
      );
    return {
      t: Float64Array.from({ length: at.length / 2 }, (_, n) => t[at[n * 2]]),
      value: pick(value),
      size: size && pick(size),
    };
  }

  async #lay(series: number, { t, value, size }: Column): Promise<void> {
    this.restored += t.length;
    for (let start = 0; start < t.length; start += stagedBlockPoints) {
      const end = start + stagedBlockPoints;
      const column = { t: t.slice(start, end), value: value.slice(start, end), size: size?.slice(start, end) };
      this.#waiting.push({ series, column });
      this.#points += column.t.length;
      if (this.#points >= statementPointsMax || this.#waiting.length >= blocksPerStage) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const blocks = this.#waiting;
    if (blocks.length === 0) return;
    const { database, lease } = this.#task;
    this.#waiting = [];
    this.#points = 0;
    const stage = await stageBlocks(database, blocks);
    const base = this.#base;
    this.guards.set(
      stage,
      blocks.map(({ series, column: { t } }) => ({ series, base, from: t[0], to: t[t.length - 1] + 1 })),
    );
    if (!(await recordStages(database, lease, [{ stage, generation: 0, blocks: blocks.length }]))) lease.lost();
  }
}
