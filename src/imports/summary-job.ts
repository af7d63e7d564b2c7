import type { Bell, JobHandlers } from '../bell/bell.ts';
import { Fault } from '../engine/fault.ts';
import type { Database } from '../store/connect.ts';
import { type ImportRow, readImport } from '../store/imports/import-rows.ts';
import {
  type GroupRow,
  type Question,
  readLostQuestions,
  readSummary,
  saveSummary,
} from '../store/imports/import-summaries.ts';
import { errorCodeOf, isLoss } from '../store/retry.ts';
import { ColumnSummary, type SummaryFn } from './column-summary.ts';
import type { ImportInput } from './import-input.ts';
import type { ImportPlan } from './import-plan.ts';
import { notifyImport } from './notify.ts';
import { problemOf, wakeSummary } from './summary-requests.ts';
import { makeImportPlan } from './text/make-import-plan.ts';
import { readTable } from './text/read-table.ts';
import type { UploadBytes } from './upload-bytes.ts';

export interface SummaryJobOptions {
  readonly bytes: UploadBytes;
  readonly log: (line: string) => void;
  readonly isStopping: () => boolean;
}

class Stopped extends Error {}

/** The job that computes a summary. If the worker stops or dies, the sweep queues the job again. */
export function summaryJobs(database: Database, bell: Bell, options: SummaryJobOptions): Pick<JobHandlers, 'summary'> {
  return {
    summary: async (question) => {
      const asked = await readSummary(database, question);
      if (!asked?.isAsked || asked.groups || asked.problem || !asked.isHere) return;
      const row = await readImport(database, question.import);
      if (!row) return;
      const answer = await answerOf(row, question, options).catch((thrown: unknown) => {
        const error = isMissingFile(thrown) ? missing() : thrown;
        if (error instanceof Stopped || isLoss(error)) throw error;
        if (!(error instanceof Fault)) options.log(`summary of import ${question.import}: ${String(error)}`);
        return { problem: problemOf(error) };
      });
      await saveSummary(database, question, row.input, answer);
      await notifyImport(database, bell, question.import);
    },
  };
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'open' && errorCodeOf(error) === 'ENOENT';
}

function missing(): Fault {
  return new Fault(
    'GONE',
    'The bytes of this file are not where workers look for them, in the folder of uploads that all of them share: upload it again.',
  );
}

async function answerOf(
  row: ImportRow,
  question: Question,
  { bytes, isStopping }: SummaryJobOptions,
): Promise<{ groups: readonly GroupRow[] }> {
  const source = bytes.source(row.upload, row.filename, row.size ?? 0);
  const plan = (row.plan as ImportPlan | null) ?? (await makeImportPlan(source, row.input as ImportInput));
  const fn = question.fn as SummaryFn;
  const summary = new ColumnSummary(plan, { groupBy: question.groupBy, of: question.of || undefined, fn });
  for await (const rows of readTable(source, plan)) {
    if (isStopping()) throw new Stopped('the worker stops');
    summary.add(rows);
  }
  return { groups: summary.groups() };
}

const forgottenMax = 100;

/** Queues again the summaries that were requested and never answered although their file is present. */
export async function wakeForgottenSummaries(database: Database, bell: Bell): Promise<void> {
  for (const question of await readLostQuestions(database, forgottenMax)) await wakeSummary(bell, question);
}
