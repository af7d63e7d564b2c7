import { Fault } from '../../engine/fault.ts';
import { isItsTurn } from '../../store/imports/import-order.ts';
import { readRejects } from '../../store/imports/import-rejects.ts';
import { dropStages, readAffectedSeries, readStagedSeries, readStages } from '../../store/imports/import-stages.ts';
import { endImport, type ImportEnding, saveAffectedSeries, savePlan } from '../../store/imports/import-work.ts';
import type { ImportPlan } from '../import-plan.ts';
import { isDuplicateImport } from './duplicate-import.ts';
import { Interrupted } from './import-lease.ts';
import type { ImportRun } from './import-run.ts';
import { publishStages } from './publish-stages.ts';
import { type ReadProgress, readToEnd, savedProgress } from './read-file.ts';
import { refusal } from './rejected-rows.ts';
import { undoImport } from './undo-import.ts';

/**
 * After this number of workers in a row died at an import, it fails: it would kill the next worker too, and others
 * wait.
 */
const deathsMax = 10;

const movedMax = 1_000;
const movedSeriesMax = 1_000_000;

/** Runs the task of an import to its end. Returns false when the file must be read again from its start. */
export async function runImport(task: ImportRun): Promise<boolean> {
  const { database, lease, taken } = task;
  if (taken.deaths >= deathsMax && !taken.isPublished)
    throw new Fault(
      'CONFLICT',
      `${taken.deaths} workers in a row died or lost the database while they imported this file, without progress. Their logs may say why.`,
    );
  if (taken.task === 'UNDO') {
    await endRun(task, await undoImport(task));
    return true;
  }
  if (taken.isGone)
    throw new Fault(
      'GONE',
      'The bytes of this file were deleted because their retention time is over. Send the file again.',
    );
  if (await isDuplicateImport(task)) {
    await task.notify();
    return true;
  }
  const plan = await planned(task);
  if (plan.problem !== null) {
    await endRun(task, { status: 'PREVIEWED', problem: plan.problem });
    return true;
  }
  if (!savedProgress(task) && !(await isItsTurn(database, lease.id))) throw new Interrupted('waiting');
  const { stand, counts } = await readToEnd(task, plan);
  if (counts.rows === 0) throw new Fault('BAD_USER_INPUT', 'The file holds no rows.');
  if (taken.task === 'PREVIEW') {
    await saveAffectedSeries(database, lease, await moved(task, stand));
    await endRun(task, { status: 'PREVIEWED' });
    return true;
  }
  if (counts.rejected > 0 && !task.input.partial)
    throw new Fault('BAD_USER_INPUT', refusal(await readRejects(database, lease.id, 3), counts.rejected));
  // Recorded before publishing, because the stages are gone afterwards.
  if (taken.fromRevision === null) await saveAffectedSeries(database, lease, await moved(task, stand));
  if ((await publishStages(task)) !== 'done') return false;
  await endRun(task, { status: 'DONE' });
  return true;
}

/** The plan of the file: made when the first run starts, then stored. */
async function planned(task: ImportRun): Promise<ImportPlan> {
  const { database, lease, taken, source, reader, input, notify } = task;
  if (taken.plan !== null && savedProgress(task)) return taken.plan as ImportPlan;
  const plan = await reader.makeImportPlan(source, input);
  await savePlan(database, lease, plan);
  await notify();
  return plan;
}

/** The derived series that depend on the changed series. */
async function moved({ database, lease, taken }: ImportRun, { touched }: ReadProgress) {
  const stages = (await readStages(database, lease.id)).map(({ stage }) => stage);
  const series = taken.task === 'COMMIT' ? await readStagedSeries(database, stages, movedSeriesMax) : touched;
  return readAffectedSeries(database, series, movedMax);
}

/** Ends the import and deletes its unpublished stages. */
export async function endRun(
  { database, lease, notify }: Pick<ImportRun, 'database' | 'lease' | 'notify'>,
  ending: ImportEnding,
): Promise<void> {
  await endImport(database, lease, ending);
  await dropStages(database, lease);
  await notify();
}
