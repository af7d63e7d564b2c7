import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask, ingest } from '../../support/client.ts';
import { until } from '../../support/program.ts';
import { Place } from './e2e-harness.ts';
import { committedImports, totalOf } from './rows.ts';

let place: Place;

beforeAll(async () => {
  place = await Place.start();
});
afterAll(() => place?.stop());

const t = Date.parse('2026-01-05T09:30:00Z');
const instant = (i: number) => new Date(t + i * 1_000).toISOString();

async function valuesOf(key: string): Promise<number[]> {
  const query = 'query ($key: String!) { series(key: $key) { samples(maxPoints: null) { value } } }';
  const { series } = await ask<{ series: { samples: { value: number[] } } }>(place.url, query, { key });
  return series.samples.value;
}

async function define(key: string, formula: string): Promise<void> {
  const mutation = 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { key } }';
  await ask(place.url, mutation, { input: { key, formula } });
  await until(async () => {
    const query = 'query ($key: String!) { series(key: $key) { ... on DerivedSeries { status } } }';
    return (await ask<{ series: { status: string } }>(place.url, query, { key })).series.status === 'LIVE';
  });
}

it.each<[name: string, bytes: (key: string) => string | Uint8Array]>([
  [
    'long.csv',
    (key) => `symbol,time,price\n${key},${instant(0)},1.5\n${key}.2,${instant(0)},7\n${key},${instant(1)},2.5\n`,
  ],
  ['wide.csv', (key) => `time,${key},${key}.2\n${instant(0)},1.5,7\n${instant(1)},2.5,\n`],
  ['tabs.tsv', (key) => `time\t${key}\t${key}.2\r\n${t}\t1.5\t7\r\n${t + 1_000}\t2.5\t\r\n`],
  [
    'lines.ndjson',
    (key) =>
      [
        { series: key, t, value: 1.5 },
        { series: key, t: t + 1_000, value: 2.5 },
        { series: `${key}.2`, t, value: 7 },
      ]
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
  ],
  [
    'packed.csv.gz',
    (key) =>
      gzipSync(`symbol;time;price\n${key};${instant(0)};1,5\n${key}.2;${instant(0)};7,0\n${key};${instant(1)};2,5\n`),
  ],
])('%s is read without a word about how', async (name, bytes) => {
  const key = `READ.${name}`;
  const { code, imports } = await place.import([place.file(name, bytes(key)), '--create-missing']);
  expect({ code, imports }).toMatchObject({ code: 0, imports: [{ status: 'DONE', rejectedCount: 0 }] });
  expect(await valuesOf(key)).toEqual([1.5, 2.5]);
  expect(await valuesOf(`${key}.2`)).toEqual([7]);
});

it('a file corrects and goes on, and what is derived follows; what was so already is not written', async () => {
  await ingest(
    place.url,
    [0, 1, 2].map((i) => ({ series: 'FIX', t: t + i * 1_000, value: i })),
  );
  await define('FIX.total', 'cumsum(FIX)');
  const path = place.file('fix.csv', `t,value\n${t},0\n${t + 1_000},10\n${t + 3_000},3\n`);
  const preview = await place.import([path, '--series', 'FIX', '--preview']);
  expect(preview.imports).toMatchObject([
    { status: 'PREVIEWED', rows: 3, unchanged: 1, changed: 1, new: 1, movedSeries: ['FIX.total'], fromRevision: null },
  ]);
  expect(await valuesOf('FIX')).toEqual([0, 1, 2]);
  const { code, imports } = await place.import(['--commit', preview.imports[0].id]);
  expect({ code, imports }).toMatchObject({
    code: 0,
    imports: [{ id: preview.imports[0].id, status: 'DONE', unchanged: 1, changed: 1, new: 1 }],
  });
  expect(await valuesOf('FIX')).toEqual([0, 10, 2, 3]);
  await until(async () => (await valuesOf('FIX.total')).join() === '0,10,12,15');
});

it('the same file is imported once: again, and twice at the same time', async () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => `TWICE,${t + i},${i}\n`).join('');
  const path = place.file('twice.csv', `series,t,value\n${rows}`);
  const before = await committedImports(place.databaseUrl);
  const both = await Promise.all([place.import([path, '--create-missing']), place.import([path, '--create-missing'])]);
  const again = await place.import([path, '--create-missing']);
  for (const { code, imports } of [...both, again])
    expect({ code, imports }).toMatchObject({ code: 0, imports: [{ status: 'DONE', accepted: 200_000 }] });
  expect(await totalOf(place.databaseUrl, 'TWICE')).toEqual({ count: 200_000, sum: (200_000 * 199_999) / 2 });
  expect((await committedImports(place.databaseUrl)) - before).toBe(1);
});

it('without --partial one refused row keeps all others out, with it they come in, and each is told by its place', async () => {
  const path = place.file('partly.csv', `series,t,value\nPART,${t},1\nPART,${t + 1},x\nPART,${t + 2},3\n`);
  const whole = await place.import([path, '--create-missing', '--map', 'value=VALUE']);
  expect(whole).toMatchObject({ code: 1, imports: [{ status: 'FAILED', rejectedCount: 1, fromRevision: null }] });
  expect(whole.imports[0].rejected).toMatchObject([{ line: 3, column: 'value' }]);
  expect(await ask(place.url, '{ series(key: "PART") { key } }')).toEqual({ series: null });
  const partly = await place.import([path, '--create-missing', '--map', 'value=VALUE', '--partial']);
  expect(partly).toMatchObject({ code: 0, imports: [{ status: 'DONE', rows: 3, accepted: 2, rejectedCount: 1 }] });
  expect(await valuesOf('PART')).toEqual([1, 3]);
  const csv = await (await fetch(String(partly.imports[0].rejectsUrl))).text();
  expect(csv.split(/\r?\n/)[1]).toMatch(/^3,value,/);
});

it('--undo gives back what was there before, save for what somebody changed since; the file may then come again', async () => {
  await ingest(
    place.url,
    [0, 1].map((i) => ({ series: 'UNDO', t: t + i * 1_000, value: i })),
  );
  const path = place.file('undo.csv', `t,value\n${t},100\n${t + 1_000},101\n${t + 2_000},102\n`);
  const { imports } = await place.import([path, '--series', 'UNDO']);
  expect(await valuesOf('UNDO')).toEqual([100, 101, 102]);
  await ingest(place.url, [{ series: 'UNDO', t: t + 1_000, value: 7 }]);
  const undone = await place.import(['--undo', imports[0].id]);
  expect(undone).toMatchObject({ code: 0, imports: [{ status: 'UNDONE', restored: 2, kept: 1 }] });
  expect(await valuesOf('UNDO')).toEqual([0, 7]);
  expect(await place.import([path, '--series', 'UNDO'])).toMatchObject({ code: 0, imports: [{ status: 'DONE' }] });
  expect(await valuesOf('UNDO')).toEqual([100, 101, 102]);
});
