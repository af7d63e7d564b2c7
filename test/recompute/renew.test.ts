import pg from 'pg';
import { expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { openRecomputeHarness } from './recompute-harness.ts';

test('a formula that was defined before it came to be refused is renewed by a worker all the same', async () => {
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const before = await openRecomputeHarness(database.url);
  const after = await openRecomputeHarness(database.url);
  try {
    await before.ingest.createSeries({ key: 'A', tags: [] });
    await before.definer.define({ key: 'D', formula: 'A / 2' });
    await expect(before.definer.define({ key: 'D', formula: 'A / 0' })).rejects.toThrow('never has a value');
    await client.query(`UPDATE definitions SET formula = 'A / 0', arithmetic = 'that of another program'`);
    expect(await after.definer.renew()).toEqual(['D']);
    expect(await after.definer.renew()).toEqual([]);
  } finally {
    await before.stop();
    await after.stop();
    await client.end();
    await database.drop();
  }
});
