import type { Database } from './connect.ts';

/** A number that identifies this store. */
export async function storeId(database: Database): Promise<number> {
  const [row] = await database.query<{ value: string }>(`SELECT value FROM marks WHERE name = 'store_id'`);
  return Number(row.value);
}
