import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { type Process, put, startProcess } from './world.ts';

let drop: () => Promise<void>;
let one: Process;

beforeAll(async () => {
  const { url, drop: dropDatabase } = await createDatabase();
  drop = dropDatabase;
  one = startProcess(url);
  for (const [key, tags] of [
    ['btc', ['crypto', 'a "b", {c}']],
    ['ETH', ['crypto']],
    ['Ä', []],
    ['x%_', ['']],
  ] as const) {
    await one.ingest.createSeries({ key, name: `the ${key}`, unit: 'USD', tags });
  }
});
afterAll(async () => {
  await one.stop();
  await drop();
});

async function keysOf(filter: Parameters<Process['catalogue']['listSeries']>[0], count = 100): Promise<string[]> {
  return (await one.catalogue.listSeries(filter, count)).map(({ key }) => key);
}

test('a series is read as it was created, tags of any text included', async () => {
  const [row] = await one.catalogue.seriesByKeys(['btc']);
  expect(row).toMatchObject({
    key: 'btc',
    kind: 'SOURCE',
    name: 'the btc',
    unit: 'USD',
    tags: ['crypto', 'a "b", {c}'],
  });
  expect(await one.catalogue.seriesByIds([row.id])).toStrictEqual([row]);
});

test('series are listed in the byte order of their keys, page by page', async () => {
  expect(await keysOf({})).toStrictEqual(['ETH', 'btc', 'x%_', 'Ä']);
  expect(await keysOf({}, 2)).toStrictEqual(['ETH', 'btc']);
  expect(await keysOf({ afterKey: 'btc' })).toStrictEqual(['x%_', 'Ä']);
});

test('filters take texts as they are, not as patterns', async () => {
  expect(await keysOf({ keyContains: 'T' })).toStrictEqual(['ETH', 'btc']);
  expect(await keysOf({ keyContains: '%_' })).toStrictEqual(['x%_']);
  expect(await keysOf({ keyContains: '%' })).toStrictEqual(['x%_']);
  expect(await keysOf({ tag: 'crypto' })).toStrictEqual(['ETH', 'btc']);
  expect(await keysOf({ tag: 'a "b", {c}' })).toStrictEqual(['btc']);
  expect(await keysOf({ kind: 'DERIVED' })).toStrictEqual([]);
});

test('a text that PostgreSQL cannot hold is the key of nothing', async () => {
  expect(await one.catalogue.seriesByKeys(['\0', '\ud800', 'btc'])).toMatchObject([{ key: 'btc' }]);
  expect(await one.catalogue.seriesByKeys([])).toStrictEqual([]);
  for (const filter of [{ keyContains: '\0' }, { tag: 'a\0' }, { afterKey: '\0' }])
    expect(await keysOf(filter)).toStrictEqual([]);
});

test('the commit of a moment is the last one at or before it', async () => {
  const { revision } = await put(one, 'btc', [[1, 1]], { note: 'one' });
  const [commit] = await one.catalogue.commits([revision]);
  expect(commit).toMatchObject({ revision, note: 'one' });
  await put(one, 'btc', [[1, 2]]);
  expect(await one.catalogue.commitAt(commit.at)).toMatchObject({ revision });
  expect((await one.catalogue.commitAt(commit.at - 1))?.revision).toBe(revision - 1);
});
