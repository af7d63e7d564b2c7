import { createHash } from 'node:crypto';
import type { Bell } from '../bell/bell.ts';
import { Fault, type FaultCode, type InputPath } from '../engine/fault.ts';
import { checkText } from '../ingest/ingest.ts';
import type { Database } from '../store/connect.ts';
import type { ImportRow } from '../store/imports/import-rows.ts';
import {
  type GroupRow,
  type Question,
  questionsMax,
  readSummary,
  recordQuestion,
} from '../store/imports/import-summaries.ts';
import { checkSummaryQuery, type SummaryQuery, summaryColumns } from './column-summary.ts';
import type { ImportPlan } from './import-plan.ts';

const nameLengthMax = 300;
const wokenMax = 1_000;

/** Requests each summary once and reads its answer. */
export class SummaryRequests {
  readonly #database: Database;
  readonly #bell: Bell;
  /** The summaries for which this process has already woken a worker. The workers' sweep finds lost requests. */
  readonly #woken = new Set<string>();

  constructor(database: Database, bell: Bell) {
    this.#database = database;
    this.#bell = bell;
  }

  /** Returns undefined while the file is still uploading or the summary is being computed. */
  async read(row: ImportRow, asked: SummaryQuery): Promise<readonly GroupRow[] | undefined> {
    checkSummaryQuery(asked);
    checkText(asked.groupBy, nameLengthMax, ['groupBy']);
    checkText(asked.of ?? null, nameLengthMax, ['of']);
    if (row.plan) summaryColumns(row.plan as ImportPlan, asked);
    const question = { import: row.id, groupBy: asked.groupBy, of: asked.of ?? '', fn: asked.fn };
    const found = await readSummary(this.#database, question);
    if (found?.groups) return found.groups;
    if (found?.problem) throw faultOf(found.problem);
    if (found?.isGone)
      throw new Fault('GONE', 'The bytes of this file were deleted some time after it was imported: upload it again.');
    if (!found?.isHere && (row.status === 'FAILED' || row.status === 'CANCELLED'))
      throw new Fault(
        'GONE',
        'The upload of this file was not finished, so there is nothing to summarize: start anew.',
      );
    if (!found?.isAsked && !(await recordQuestion(this.#database, question)))
      throw new Fault('TOO_EXPENSIVE', `At most ${questionsMax} different summaries of one import.`);
    if (found?.isHere) this.#wake(question, !found.isAsked);
    return undefined;
  }

  /** The same request can become new again: reading the file in another way discards the stored answers. */
  #wake(question: Question, isNew: boolean): void {
    const id = idOf(question);
    if (this.#woken.has(id) && !isNew) return;
    if (this.#woken.size >= wokenMax) this.#woken.clear();
    this.#woken.add(id);
    void wakeSummary(this.#bell, question).catch(() => undefined);
  }
}

function idOf({ import: of, ...question }: Question): string {
  const asked = JSON.stringify([question.groupBy, question.of, question.fn]);
  return `${of}-${createHash('sha256').update(asked).digest('hex').slice(0, 32)}`;
}

export async function wakeSummary(bell: Bell, question: Question): Promise<void> {
  await bell.wake('summary', idOf(question), question);
}

interface KeptFault {
  readonly code: FaultCode;
  readonly message: string;
  readonly path?: InputPath | undefined;
}

/** The error in the form that is stored for all clients. */
export function problemOf(error: unknown): string {
  const kept: KeptFault =
    error instanceof Fault
      ? { code: error.code, message: error.message, path: error.inputPath }
      : { code: 'UNAVAILABLE', message: 'This summary could not be computed; the worker has logged why.' };
  return JSON.stringify(kept);
}

function faultOf(problem: string): Fault {
  const { code, message, path } = JSON.parse(problem) as KeptFault;
  return new Fault(code, message, path);
}
