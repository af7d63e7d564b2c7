import { type CommitRequest, commit, isKeyDerived } from '../../store/commit.ts';
import { dropStagedOf, readStagedSeries, readStages, type StagedBlocks } from '../../store/imports/import-stages.ts';
import type { ImportRun } from './import-run.ts';

/** A notice names up to this number of series. Above it, the notice names none. */
const namedMax = 1_000;

/** The result of publishing: everything is visible, or the reason why a commit was refused. */
export type PublishResult = 'done' | 'stale' | 'outdated';

export type PublishGuard = NonNullable<CommitRequest['checks'][number]['guard']>;

/** The stages that the next commit publishes. */
function nextOf(stages: readonly StagedBlocks[], blocksMax: number): StagedBlocks[] {
  let blocks = 0;
  const next: StagedBlocks[] = [];
  for (const stage of stages) {
    if (next.length > 0 && blocks + stage.blocks > blocksMax) break;
    next.push(stage);
    blocks += stage.blocks;
  }
  return next;
}

/**
 * Publishes the staged blocks of an import: each generation in its own revision, and a large import in several commits.
 * 'outdated': series were deleted or defined meanwhile and nothing is visible yet. 'stale': a guard failed.
 */
export async function publishStages(
  task: ImportRun,
  guardsOf: (stages: readonly string[]) => readonly PublishGuard[] = () => [],
): Promise<PublishResult> {
  const { database, lease } = task;
  for (;;) {
    const next = nextOf(await readStages(database, lease.id), task.sizes.blocks);
    if (next.length === 0) return 'done';
    await lease.renew();
    const ids = next.map(({ stage }) => stage);
    const series = await readStagedSeries(database, ids, namedMax + 1);
    const guards = guardsOf(ids);
    const answer = await commitStages(task, next, guards);
    if (!answer) return 'outdated';
    if (answer.kind === 'committed') {
      lease.isPublished = true;
      const isNamed = series.length <= namedMax && series.every((id) => id > 0);
      const { previous, revisions } = answer;
      task.onCommit({ previous, revision: previous + revisions, series: isNamed ? series : undefined });
      await task.notify();
      continue;
    }
    if (answer.refused.some(({ write }) => write === 0)) {
      await lease.renew();
      lease.lost();
    }
    if (guards.length > 0) return 'stale';
    if (!lease.isPublished) return 'outdated';
    await dropStagedOf(database, lease.id, answer.missing);
  }
}

/** Undefined when a series that should be created has become a derived one. */
async function commitStages(task: ImportRun, next: readonly StagedBlocks[], guards: readonly PublishGuard[]) {
  const { database, lease, taken, input, announce } = task;
  const note = taken.task === 'UNDO' ? `import ${lease.id} taken back` : (input.note ?? null);
  const generations = [...new Set(next.map(({ generation }) => generation))];
  const request: CommitRequest = {
    revisions: generations.map(() => ({ note, import: lease.id })),
    checks: [
      { write: 0, taken: { import: lease.id, epoch: lease.epoch } },
      ...guards.map((guard, i) => ({ write: i + 1, guard })),
    ],
    creates: [],
    stages: next.map(({ stage, generation }) => ({ id: stage, series: [], at: generations.indexOf(generation) })),
    answers: [],
    blocks: [],
  };
  try {
    return await commit(database, request, { announce });
  } catch (error) {
    if (isKeyDerived(error)) return undefined;
    throw error;
  }
}
