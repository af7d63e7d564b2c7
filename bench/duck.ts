import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../src/store/block-columns.ts';
import type { Derived } from './derived.ts';

/** DuckDB with the same points in a file of its own. */
export interface Duck {
  /** Computes the ten series and stores them, over what was stored before; milliseconds. */
  computeAndStore(set: readonly Derived[]): Promise<number>;
  /** Only computes them; what they give is gone through, but kept nowhere. */
  compute(set: readonly Derived[]): Promise<number>;
  correct(t: number, value: number): Promise<void>;
  /** What is stored at an instant. */
  at(set: readonly Derived[], t: number): Promise<Map<string, number>>;
  close(): void;
}

/**
 * An exponential average as DuckDB is fastest at it: within blocks of rows as a sum of weighted values, to which what
 * the block before it came to is added; what lies further back weighs less than a rounding. A recursive query takes
 * minutes.
 */
function averageOf(name: string, value: string, alpha: number): string {
  const rows = 512;
  const keep = `(1 - ${alpha}::double)`;
  return `${name}_in AS (
      SELECT i, sum(${value} * pow(${keep}, -(i % ${rows}))) OVER (PARTITION BY i // ${rows} ORDER BY i ROWS UNBOUNDED PRECEDING) * pow(${keep}, i % ${rows}) AS s
      FROM numbered),
    ${name}_ends AS (SELECT i // ${rows} + 1 AS block, s FROM ${name}_in WHERE i % ${rows} = ${rows - 1}),
    ${name}_all AS (
      SELECT i, (s_in.s + coalesce(e.s, 0) * pow(${keep}, i % ${rows} + 1)) * ${alpha} AS ${name}
      FROM ${name}_in AS s_in LEFT JOIN ${name}_ends AS e ON e.block = i // ${rows})`;
}

/** One statement for all ten: DuckDB sorts once. */
function statement(set: readonly Derived[]): string {
  const named = ({ key, sql }: Derived) => `${sql} AS ${key.toLowerCase()}`;
  const windows = set.filter(({ of }) => of === 'a').map(named);
  const nested = set.filter(({ of }) => of === 'nested').map(named);
  const names = set.map(({ key }) => key.toLowerCase()).join(', ');
  return `WITH windows AS (SELECT t, value, row_number() OVER (ORDER BY t) - 1 AS i, ${windows.join(', ')} FROM a),
    nested AS (SELECT *, ${nested.join(', ')} FROM windows),
    numbered AS (SELECT value, row_number() OVER (ORDER BY t) - 1 AS i, value - lag(value) OVER (ORDER BY t) AS change FROM a),
    ${averageOf('ema', 'value', 2 / 13)},
    ${averageOf('gain', 'greatest(change, 0)', 1 / 14)},
    ${averageOf('loss', 'greatest(-change, 0)', 1 / 14)},
    recursive_ones AS (SELECT i, ema, 100 * gain / (gain + loss) AS rsi FROM ema_all JOIN gain_all USING (i) JOIN loss_all USING (i))
    SELECT t, ${names} FROM nested JOIN recursive_ones USING (i)`;
}

export async function openDuck(path: string, source: Column): Promise<Duck> {
  const instance = await DuckDBInstance.create(path);
  const connection: DuckDBConnection = await instance.connect();
  await connection.run('CREATE TABLE a (t TIMESTAMP, value DOUBLE)');
  await connection.run('CREATE TEMP TABLE raw (t BIGINT, value DOUBLE)');
  const appender = await connection.createAppender('raw');
  for (let i = 0; i < source.t.length; i++) {
    appender.appendBigInt(BigInt(source.t[i]));
    appender.appendDouble(source.value[i]);
    appender.endRow();
  }
  appender.closeSync();
  await connection.run('INSERT INTO a SELECT make_timestamp(t), value FROM raw');
  await connection.run('DROP TABLE raw');
  await connection.run('CHECKPOINT');
  const timed = async (sql: string) => {
    const started = performance.now();
    await connection.run(sql);
    return performance.now() - started;
  };
  return {
    computeAndStore: (set) => timed(`CREATE OR REPLACE TABLE derived AS ${statement(set)}`),
    compute: (set) => {
      const sums = set.map(({ key }) => `sum(${key.toLowerCase()})`);
      return timed(`SELECT ${sums.join(', ')} FROM (${statement(set)})`);
    },
    correct: async (t, value) => {
      await connection.run(`UPDATE a SET value = ${value} WHERE t = make_timestamp(${t})`);
    },
    at: async (set, t) => {
      const names = set.map(({ key }) => key.toLowerCase()).join(', ');
      const answer = await connection.runAndReadAll(`SELECT ${names} FROM derived WHERE t = make_timestamp(${t})`);
      const [row] = answer.getRows();
      return new Map(set.map(({ key }, i) => [key, Number(row[i])]));
    },
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
