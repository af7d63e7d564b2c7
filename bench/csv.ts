import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { keyOf, prices, startMillis } from './points.ts';

const rowsPerWrite = 10_000;

/** A file of ticks, one a second of each series, and what its last row says. */
export interface CsvFile {
  readonly path: string;
  readonly rows: number;
  readonly last: { readonly series: string; readonly millis: number };
}

export async function writeCsv(path: string, rows: number, seriesCount: number): Promise<CsvFile> {
  const values = prices(1 << 16, 7);
  const millisOf = (row: number) => startMillis + Math.floor(row / seriesCount) * 1_000;
  const out = createWriteStream(path);
  out.write('series,t,value\n');
  for (let first = 0; first < rows; first += rowsPerWrite) {
    let text = '';
    for (let row = first; row < Math.min(rows, first + rowsPerWrite); row++) {
      const t = new Date(millisOf(row)).toISOString();
      text += `${keyOf(row % seriesCount)},${t},${values[row % values.length]}\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  return { path, rows, last: { series: keyOf((rows - 1) % seriesCount), millis: millisOf(rows - 1) } };
}

/** The peer: what `\copy` sends, into a table with one row per point and a primary key, as people keep ticks. */
export async function openCopied(
  url: string,
): Promise<{ fill(file: CsvFile): Promise<number>; close(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE TABLE copied (series text, t timestamptz, value float8, PRIMARY KEY (series, t))');
  return {
    fill: async ({ path, rows }) => {
      await client.query('TRUNCATE copied');
      await client.query('CHECKPOINT');
      const started = performance.now();
      await pipeline(createReadStream(path), client.query(copyFrom('COPY copied FROM STDIN (FORMAT csv, HEADER)')));
      return (rows / (performance.now() - started)) * 1_000;
    },
    close: () => client.end(),
  };
}
