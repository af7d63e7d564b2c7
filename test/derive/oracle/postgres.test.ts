import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { operatorsByName } from '../../../src/engine/operators/registry.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { createDatabase } from '../../support/database.ts';
import { atOnce, type Held } from '../memory.ts';
import { type Case, cases } from './cases.ts';
import { type Market, markets, type Tick } from './data.ts';
import { decimalOf } from './decimal.ts';

const tolerance = 1e-12;

let database: Awaited<ReturnType<typeof createDatabase>>;
let client: pg.Client;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

async function fill(table: string, ticks: readonly Tick[]): Promise<void> {
  const rows = ticks.map(({ t, value, size }) => `(${t}, ${decimalOf(value)}, ${size ?? 'NULL'})`);
  await client.query(`CREATE TABLE ${table} (t bigint PRIMARY KEY, value numeric NOT NULL, size numeric)`);
  await client.query(`INSERT INTO ${table} VALUES ${rows.join(', ')}`);
}

/** The tables that the cases speak of. */
async function open({ a, b }: Market): Promise<void> {
  await client.query('DROP TABLE IF EXISTS a, b, u, known');
  await fill('a', a);
  await fill('b', b);
  await client.query(`CREATE TABLE u AS
    SELECT i.t, x.value AS x, x.t AS x_t, y.value AS y, y.t AS y_t
    FROM (SELECT t FROM a UNION SELECT t FROM b) i
    LEFT JOIN LATERAL (SELECT * FROM a WHERE a.t <= i.t ORDER BY a.t DESC LIMIT 1) x ON true
    LEFT JOIN LATERAL (SELECT * FROM b WHERE b.t <= i.t ORDER BY b.t DESC LIMIT 1) y ON true`);
  await client.query('CREATE TABLE known AS SELECT * FROM u WHERE x IS NOT NULL AND y IS NOT NULL');
}

function held(ticks: readonly Tick[]): Held {
  return new Map(ticks.map(({ t, value, size }) => [t, { value, size }]));
}

function ours({ formula }: Case, { a, b }: Market): Map<number, number> {
  const series = new Map([
    ['A', held(a)],
    ['B', held(b)],
  ]);
  return atOnce(planFormula(parseFormula(formula, operatorsByName)), series).at(-1) ?? new Map();
}

async function theirs({ sql }: Case): Promise<Map<number, number>> {
  const { rows } = await client.query<[t: string, value: string]>({
    text: `SELECT t, value::numeric FROM (${sql}) said WHERE value IS NOT NULL ORDER BY t`,
    rowMode: 'array',
  });
  return new Map(rows.map(([t, value]) => [Number(t), Number(value)]));
}

/** At how many points of each formula. */
const compared = new Map<string, number>();

describe.each(markets)('$name: what PostgreSQL computes in numeric', (market) => {
  beforeAll(() => open(market));

  test.each(cases)('$formula', async (said) => {
    const expected = await theirs(said);
    const got = ours(said, market);
    compared.set(said.formula, (compared.get(said.formula) ?? 0) + expected.size);
    expect([...got.keys()]).toEqual([...expected.keys()]);
    const wrong = [...expected].filter(([t, value]) => {
      const scale = Math.max(Math.abs(value), said.scale === 'one' ? 1 : 0);
      return Math.abs((got.get(t) ?? Number.NaN) - value) > tolerance * scale;
    });
    expect(wrong.map(([t, value]) => [t, value, got.get(t)])).toEqual([]);
  });
});

test('every formula had points to compare', () => {
  expect(cases.filter(({ formula }) => (compared.get(formula) ?? 0) < 20)).toEqual([]);
});
