import pg from 'pg';

export interface Total {
  readonly count: number;
  readonly sum: number;
}

/** Of what the series whose keys begin so hold now. */
export async function totalOf(databaseUrl: string, prefix: string): Promise<Total> {
  const [row] = await asked<{ count: string; sum: number | null }>(
    databaseUrl,
    'SELECT count(*), sum(value) FROM points WHERE starts_with(key, $1)',
    [prefix],
  );
  return { count: Number(row.count), sum: row.sum ?? 0 };
}

/** The imports that commits were made by, each once. */
export async function committedImports(databaseUrl: string): Promise<number> {
  const [row] = await asked<{ count: string }>(databaseUrl, 'SELECT count(DISTINCT import) FROM commits');
  return Number(row.count);
}

export async function asked<Row extends pg.QueryResultRow>(
  databaseUrl: string,
  query: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(query, [...values])).rows;
  } finally {
    await client.end();
  }
}
