import type { Database } from './connect.ts';

/** For each id: the series whose formulas read it, in live definitions and in builds. */
export async function readDependents(database: Database, ids: readonly number[]): Promise<Map<number, number[]>> {
  const rows = await database.query<{ input: number; dependents: number[] }>(
    `SELECT (input ->> 'series')::int AS input, array_agg(DISTINCT definitions.series) AS dependents
     FROM definitions, jsonb_array_elements(inputs) AS input
     WHERE state IN ('BUILDING', 'LIVE') AND (input ->> 'series')::int = ANY ($1::int[])
     GROUP BY 1`,
    [ids],
  );
  return new Map(rows.map(({ input, dependents }) => [input, dependents]));
}
