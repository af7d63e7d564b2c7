import { finished } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Call } from './points.ts';

/** The peer of every write: COPY into a table with one row per point and a primary key, 10,000 rows a statement. */
export interface RowTable {
  /** Copies all the calls over one connection, from empty to full; the points a second. */
  fill(): Promise<number>;
  /** The same over four connections at once. */
  fillInParallel(): Promise<number>;
  close(): Promise<void>;
}

const forms = { text: 'COPY rows FROM STDIN', binary: 'COPY rows FROM STDIN (FORMAT binary)' };

function textOf({ columns }: Call): Buffer {
  const lines: string[] = [];
  for (const { series, column } of columns)
    column.t.forEach((t, i) => void lines.push(`${series}\t${t}\t${column.value[i]}\n`));
  return Buffer.from(lines.join(''));
}

function binaryOf({ columns }: Call): Buffer {
  const rows = columns.reduce((sum, { column }) => sum + column.t.length, 0);
  const buffer = Buffer.alloc(19 + rows * 34 + 2);
  buffer.write('PGCOPY\n\xff\r\n\0', 0, 'latin1');
  let at = 19;
  for (const { series, column } of columns) {
    for (let i = 0; i < column.t.length; i++, at += 34) {
      buffer.writeInt16BE(3, at);
      buffer.writeInt32BE(4, at + 2);
      buffer.writeInt32BE(series, at + 6);
      buffer.writeInt32BE(8, at + 10);
      buffer.writeBigInt64BE(BigInt(column.t[i]), at + 14);
      buffer.writeInt32BE(8, at + 22);
      buffer.writeDoubleBE(column.value[i], at + 26);
    }
  }
  buffer.writeInt16BE(-1, at);
  return buffer;
}

const encoders = { text: textOf, binary: binaryOf };

/** Tries text and binary and stays with what is faster. */
export async function openRows(url: string, calls: readonly Call[], say: (line: string) => void): Promise<RowTable> {
  const clients = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  await clients[0].query(
    'CREATE TABLE IF NOT EXISTS rows (series int, t bigint, value float8, PRIMARY KEY (series, t))',
  );
  const points = calls.reduce((sum, call) => sum + call.columns.reduce((n, { column }) => n + column.t.length, 0), 0);

  const fill = async (statement: string, buffers: readonly Buffer[], connections: number) => {
    await clients[0].query('TRUNCATE rows');
    await clients[0].query('CHECKPOINT');
    let next = 0;
    const started = performance.now();
    await Promise.all(
      clients.slice(0, connections).map(async (client) => {
        while (next < buffers.length) {
          const stream = client.query(copyFrom(statement));
          stream.end(buffers[next++]);
          await finished(stream);
        }
      }),
    );
    return (points / (performance.now() - started)) * 1000;
  };

  const rates = { text: 0, binary: 0 };
  for (const form of ['text', 'binary'] as const) rates[form] = await fill(forms[form], calls.map(encoders[form]), 1);
  const form = rates.text > rates.binary ? 'text' : 'binary';
  say(`  COPY is faster as ${form}`);
  const buffers = calls.map(encoders[form]);
  return {
    fill: () => fill(forms[form], buffers, 1),
    fillInParallel: () => fill(forms[form], buffers, clients.length),
    close: async () => void (await Promise.all(clients.map((client) => client.end()))),
  };
}
