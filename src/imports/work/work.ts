import { Fault } from '../../engine/fault.ts';
import { readRejects } from '../../store/import-rejects.ts';
import { dropStages, readMoved, readStagedSeries, readStages } from '../../store/import-stages.ts';
import { isItsTurn } from '../../store/import-turn.ts';
import { type Ending, endImport, keepMoved, keepPlan } from '../../store/import-work.ts';
import type { ImportPlan } from '../plan.ts';
import { Interrupted } from './hold.ts';
import { publish } from './publish.ts';
import { readToEnd, type Stand, standOf } from './reading.ts';
import { refusal } from './rejects.ts';
import { isDoneElsewhere } from './same-work.ts';
import type { Task } from './task.ts';
import { undo } from './undo.ts';

/** What so many workers died of would be the end of the next one too, and others wait for it. */
const deathsMax = 10;

const movedMax = 1_000;
const movedSeriesMax = 1_000_000;

/** Does with an import what is to be done next, to its end. Returns false when it is to be begun anew. */
export async function work(task: Task): Promise<boolean> {
  const { database, hold, taken } = task;
  if (taken.deaths >= deathsMax && !taken.isPublished)
    throw new Fault(
      'CONFLICT',
      `${taken.deaths} workers in a row ended, or lost the database, while they were at this file and came no further: their logs may say why.`,
    );
  if (taken.task === 'UNDO') {
    await end(task, await undo(task));
    return true;
  }
  if (taken.isGone)
    throw new Fault('GONE', 'The bytes of this file were deleted, their time was over: send the file again.');
  if (await isDoneElsewhere(task)) {
    await task.tell();
    return true;
  }
  const plan = await planned(task);
  if (plan.problem !== null) {
    await end(task, { status: 'PREVIEWED', problem: plan.problem });
    return true;
  }
  if (!standOf(task) && !(await isItsTurn(database, hold.id))) throw new Interrupted('waiting');
  const { stand, counts } = await readToEnd(task, plan);
  if (counts.rows === 0) throw new Fault('BAD_USER_INPUT', 'The file holds no rows.');
  if (taken.task === 'PREVIEW') {
    await keepMoved(database, hold, await moved(task, stand));
    await end(task, { status: 'PREVIEWED' });
    return true;
  }
  if (counts.rejected > 0 && !task.input.partial)
    throw new Fault('BAD_USER_INPUT', refusal(await readRejects(database, hold.id, 3), counts.rejected));
  // Asked before it is published: afterwards nothing says so any more.
  if (taken.fromRevision === null) await keepMoved(database, hold, await moved(task, stand));
  if ((await publish(task)) !== 'done') return false;
  await end(task, { status: 'DONE' });
  return true;
}

/** How the file is read: decided when work on it begins, then kept. */
async function planned(task: Task): Promise<ImportPlan> {
  const { database, hold, taken, source, reader, input, tell } = task;
  if (taken.plan !== null && standOf(task)) return taken.plan as ImportPlan;
  const plan = await reader.planOf(source, input);
  await keepPlan(database, hold, plan);
  await tell();
  return plan;
}

/** Derived series that move with what an import says. */
async function moved({ database, hold, taken }: Task, { touched }: Stand) {
  const stages = (await readStages(database, hold.id)).map(({ stage }) => stage);
  const series = taken.task === 'COMMIT' ? await readStagedSeries(database, stages, movedSeriesMax) : touched;
  return readMoved(database, series, movedMax);
}

/** Ends it, and throws away what it laid down and did not publish. */
export async function end(
  { database, hold, tell }: Pick<Task, 'database' | 'hold' | 'tell'>,
  ending: Ending,
): Promise<void> {
  await endImport(database, hold, ending);
  await dropStages(database, hold);
  await tell();
}
