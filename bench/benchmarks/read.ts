import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import postgres from 'postgres';
import { readSamples } from '../../src/query/samples.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { startProgram } from '../child.ts';
import { alternate, type Figure, speedFigure } from '../figure.ts';
import { startLoader } from '../loader.ts';
import { callsOf, keyOf } from '../points.ts';
import { openRows } from '../rows.ts';
import { loadSeries } from '../series.ts';
import { once, openStore, type World } from '../world.ts';

const wanted = 100_000;
const held = 500_000;

interface Columns {
  readonly t: Float64Array;
  readonly value: Float64Array;
}

function columnsFrom<Row>(rows: readonly Row[], t: (row: Row) => number, value: (row: Row) => number): Columns {
  return { t: Float64Array.from(rows, t), value: Float64Array.from(rows, value) };
}

/** Rows of a binary COPY, as our own blocks are read. */
async function copiedRows(client: pg.Client, select: string): Promise<Columns> {
  const chunks: Buffer[] = [];
  for await (const chunk of client.query(copyTo(`COPY (${select}) TO STDOUT (FORMAT binary)`))) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const columns = { t: new Float64Array(wanted), value: new Float64Array(wanted) };
  for (let i = 0, at = 19; i < wanted; i++, at += 26) {
    columns.t[i] = bytes.readInt32BE(at + 6) * 4294967296 + bytes.readUInt32BE(at + 10);
    columns.value[i] = bytes.readDoubleBE(at + 18);
  }
  return columns;
}

/** 100,000 points without thinning out of 500,000, against the same points of a row table. */
export async function read(world: World): Promise<Figure[]> {
  const url = await world.database();
  const calls = callsOf(held / 10_000, 10_000, 1);
  const rows = await openRows(url, calls, () => undefined);
  await rows.fill();
  await rows.close();
  await once(url, 'VACUUM (ANALYZE) rows');
  const store = openStore(url);
  const series = await loadSeries(store, keyOf(0), held, 1);
  await sealWhole(store.database, series);
  await once(url, 'VACUUM (ANALYZE) sealed_blocks, fresh_blocks');
  const from = calls[held / 10_000 / 2].columns[0].column.t[0];
  const range = { from, to: from + wanted * 1_000_000 };
  const asOf = await store.catalogue.newestRevision();

  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const select = `SELECT t, value FROM rows WHERE series = 0 AND t >= ${range.from} AND t < ${range.to} ORDER BY t`;
  const timed = async (run: () => Promise<Columns>) => {
    const started = performance.now();
    const { t } = await run();
    const millis = performance.now() - started;
    if (t.length !== wanted || t[0] !== range.from) throw new Error(`read ${t.length} points from ${t[0]}`);
    return millis;
  };
  const peers = {
    'rows through pg': async () =>
      columnsFrom(
        (await client.query<[string, number]>({ text: select, rowMode: 'array' })).rows,
        ([t]) => Number(t),
        ([, value]) => value,
      ),
    'rows through postgres': async () =>
      columnsFrom(
        await sql.unsafe<{ t: string; value: number }[]>(select),
        ({ t }) => Number(t),
        ({ value }) => value,
      ),
    'rows through binary COPY': () => copiedRows(client, select),
  };
  const ours = () =>
    readSamples(
      store.database,
      { series, range, asOf, maxPoints: undefined, bucketMicros: undefined, method: 'MINMAX' },
      { samplesMax: 250_000 },
    );
  const rounds = world.quick ? 5 : 15;
  const figures: Figure[] = [];
  for (const [name, peer] of Object.entries(peers)) {
    const pairs = await alternate(
      rounds,
      () => timed(peer),
      () => timed(ours),
    );
    const least = name === 'rows through binary COPY' ? undefined : 5;
    figures.push(speedFigure(`read 100,000 points / ${name}`, 'ms', pairs, least));
  }

  const program = await startProgram(world, url);
  const loader = startLoader(world);
  const body = JSON.stringify({
    query:
      'query($key: String!, $range: TimeRange) { series(key: $key) { samples(range: $range, maxPoints: null) { t value } } }',
    variables: { key: keyOf(0), range: { from: range.from / 1000, to: range.to / 1000 } },
  });
  const overHttp = async () => {
    const result = await loader.run({
      port: program.port,
      connections: 1,
      bodies: { kind: 'same', body },
      millis: 500,
    });
    return result.p50;
  };
  const pairs = await alternate(world.quick ? 2 : 5, () => timed(peers['rows through pg']), overHttp);
  figures.push(speedFigure('read 100,000 points over HTTP as JSON / rows through pg', 'ms', pairs));
  await program.stop();
  await client.end();
  await sql.end();
  await store.close();
  return figures;
}
