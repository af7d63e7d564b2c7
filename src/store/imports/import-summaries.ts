import type { Database } from '../connect.ts';

/** A question about the table of an import. */
export interface Question {
  readonly import: number;
  readonly groupBy: string;
  /** '' for none. */
  readonly of: string;
  readonly fn: string;
}

export type GroupRow = readonly [group: string, value: number | null, count: number];

export interface SummaryRow {
  readonly isAsked: boolean;
  readonly groups: readonly GroupRow[] | null;
  readonly problem: string | null;
  /** True when all bytes of the file have arrived, even if they are deleted by now. */
  readonly isHere: boolean;
  readonly isGone: boolean;
}

/** The limit of questions per import. */
export const questionsMax = 100;

const isIt = 'import = $1 AND group_by = $2 AND "of" = $3 AND fn = $4';

const valuesOf = (question: Question) => [question.import, question.groupBy, question.of, question.fn];

export async function readSummary(database: Database, question: Question): Promise<SummaryRow | undefined> {
  const [row] = await database.query<{
    asked: boolean;
    groups: readonly GroupRow[] | null;
    problem: string | null;
    here: boolean;
    gone: boolean;
  }>(
    `SELECT asked.import IS NOT NULL AS asked, asked.groups, asked.problem,
       uploads.complete_at IS NOT NULL AS here, uploads.gone_at IS NOT NULL AS gone
     FROM imports LEFT JOIN uploads ON uploads.id = imports.upload
     LEFT JOIN (SELECT * FROM import_summaries WHERE ${isIt}) AS asked ON true WHERE imports.id = $1`,
    valuesOf(question),
  );
  return row && { isAsked: row.asked, groups: row.groups, problem: row.problem, isHere: row.here, isGone: row.gone };
}

/** Records a question; returns false when the import has reached the limit. */
export async function recordQuestion(database: Database, question: Question): Promise<boolean> {
  const [row] = await database.query<{ count: string }>(
    `WITH known AS (SELECT count(*) AS count FROM import_summaries WHERE import = $1),
     asked AS (INSERT INTO import_summaries (import, group_by, "of", fn) SELECT $1, $2, $3, $4 FROM known
       WHERE count < ${questionsMax} ON CONFLICT DO NOTHING)
     SELECT count FROM known`,
    valuesOf(question),
  );
  return Number(row.count) < questionsMax;
}

/** Stores an answer and announces it, unless there is one already or the plan of the import has changed. */
export async function saveSummary(
  database: Database,
  question: Question,
  input: unknown,
  answer: { readonly groups: readonly GroupRow[] } | { readonly problem: string },
): Promise<void> {
  const groups = 'groups' in answer ? JSON.stringify(answer.groups) : null;
  const problem = 'problem' in answer ? answer.problem : null;
  await database.query(
    `WITH kept AS (UPDATE import_summaries SET groups = $5, problem = $6
       WHERE ${isIt} AND groups IS NULL AND problem IS NULL
         AND EXISTS (SELECT FROM imports WHERE id = $1 AND input = $7::jsonb) RETURNING import)
     UPDATE imports SET version = version + 1 FROM kept WHERE id = kept.import`,
    [...valuesOf(question), groups, problem, JSON.stringify(input)],
  );
}

/** Open questions that can be answered and are old enough that their job must be lost. */
export async function readLostQuestions(database: Database, count: number): Promise<Question[]> {
  return database.query<{ import: number; groupBy: string; of: string; fn: string }>(
    `SELECT asked.import, asked.group_by AS "groupBy", asked.of, asked.fn FROM import_summaries AS asked
     JOIN imports ON imports.id = asked.import JOIN uploads ON uploads.id = imports.upload
     WHERE asked.groups IS NULL AND asked.problem IS NULL AND uploads.complete_at IS NOT NULL
     ORDER BY asked.asked_at LIMIT $1`,
    [count],
  );
}
