import type postgres from 'postgres';
import { Fault } from '../engine/fault.ts';
import { errorCodeOf } from './retry.ts';
import type { SqlFiles } from './sql-files.ts';

/**
 * Brings the functions and views of the database to the texts of the files, in one transaction. Applies the files whose
 * hash differs from the recorded one and those whose function or view is missing; returns their names. A database that has
 * functions of a newer generation keeps them: an older program that starts beside a newer one must work with those.
 */
export function applySqlFiles(client: postgres.Sql, { generation, files }: SqlFiles): Promise<string[]> {
  return client.begin(async (transaction) => {
    await transaction`
      CREATE TABLE IF NOT EXISTS tidemark_migrations.functions (name text PRIMARY KEY, hash text NOT NULL, generation integer NOT NULL)`;
    const rows = await transaction<{ name: string; hash: string; generation: number; exists: boolean }[]>`
      SELECT name, hash, generation, EXISTS (
        SELECT FROM pg_proc WHERE proname = name AND pronamespace = current_schema()::regnamespace
        UNION ALL SELECT FROM pg_class WHERE relname = name AND relkind = 'v' AND relnamespace = current_schema()::regnamespace
      ) AS exists FROM tidemark_migrations.functions`;
    const newest = Math.max(0, ...rows.map((row) => row.generation));
    if (newest > generation) return [];
    const applied = new Map(rows.filter(({ exists }) => exists).map(({ name, hash }) => [name, hash]));
    const due = files.filter(({ name, hash }) => applied.get(name) !== hash);
    for (const { name, text } of due) await apply(transaction, name, text);
    if (due.length > 0 || newest < generation || rows.length !== files.length) {
      await transaction`DELETE FROM tidemark_migrations.functions`;
      await transaction`
        INSERT INTO tidemark_migrations.functions ${transaction(files.map(({ name, hash }) => ({ name, hash, generation })))}`;
    }
    return due.map(({ name }) => name);
  }) as Promise<string[]>;
}

async function apply(transaction: postgres.TransactionSql, name: string, text: string): Promise<void> {
  try {
    await transaction.unsafe(text);
  } catch (error) {
    // Class 42: an error in the SQL text, or an object of another program. The user did not cause it, except for 42501.
    const code = errorCodeOf(error);
    if (!code?.startsWith('42') || code === '42501' || !(error instanceof Error)) throw error;
    throw new Fault('UNAVAILABLE', `DATABASE_URL: PostgreSQL refuses ${name}.sql of this version (${error.message}).`);
  }
}
