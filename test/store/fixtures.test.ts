import { readdirSync, readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { schemaText } from '../../src/store/schema-text.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { ask, gql } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { defineAt } from '../support/define.ts';
import { isLong } from '../support/long.ts';
import { until } from '../support/program.ts';
import { schemaFolders } from '../support/schema-folders.ts';
import { startServer } from '../support/server.ts';
import { idOf, startProcess } from './world.ts';

type Point = [t: string, value: number, size: number | null, revision: number];

interface ImportRow {
  readonly id: string;
  readonly filename: string;
  readonly status: string;
  readonly toRevision: number;
}

/** What the API of a commit answered about the database in the dump: scripts/make-fixture.js. */
interface Answers {
  /** The newest migration of that commit. */
  readonly migration: string;
  readonly revision: number;
  readonly series: readonly { readonly key: string }[];
  /** Formulas by key. */
  readonly derived: Readonly<Record<string, string>>;
  readonly imports: readonly ImportRow[];
  /** Points by key and revision. */
  readonly points: Readonly<Record<string, Readonly<Record<string, readonly Point[]>>>>;
}

const folder = new URL('fixtures/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.sql.br'))
  .map((file) => file.slice(0, -'.sql.br'.length))
  .sort();
const read = (file: string) => brotliDecompressSync(readFileSync(new URL(file, folder))).toString();
const answersOf = (name: string) => JSON.parse(read(`${name}.json.br`)) as Answers;

const importFields =
  'id filename status accepted rejectedCount unchanged changed restored kept createdCount fromRevision toRevision undoneRevision';

/** Plain SQL once the commands to psql, and the schema that every database has, are gone. */
async function restore(client: pg.Client, dump: string): Promise<void> {
  await client.query(dump.replaceAll(/^\\(un)?restrict .*$/gm, '').replace(/^CREATE SCHEMA public;$/m, ''));
  await client.query(`SELECT pg_catalog.set_config('search_path', 'public', false)`);
}

/** Storage and compression differ between servers with lz4, as that of the dumps, and without. */
const withoutStorage = (schema: string) => schema.replaceAll(/^ALTER TABLE .* SET (STORAGE|COMPRESSION) .*;\n/gm, '');

async function pointsAt(url: string, key: string, revisions: readonly string[]): Promise<Record<string, Point[]>> {
  const wanted = revisions.map(
    (asOf) => `r${asOf}: points(first: 500, asOf: ${asOf}) { nodes { t value size revision } }`,
  );
  const query = `query($key: String!) { series(key: $key) { ${wanted.join('\n')} } }`;
  const { series } = await ask<{
    series: Record<string, { nodes: { t: string; value: number; size: number | null; revision: number }[] }>;
  }>(url, query, { key });
  return Object.fromEntries(
    revisions.map((asOf) => [
      asOf,
      series[`r${asOf}`].nodes.map(({ t, value, size, revision }): Point => [t, value, size, revision]),
    ]),
  );
}

async function currentPoints(url: string, key: string): Promise<Point[]> {
  const { revision } = await ask<{ revision: number }>(url, '{ revision }');
  return (await pointsAt(url, key, [String(revision)]))[revision];
}

/** Every sixth revision of the answers, others for the next fixture; always the newest. */
function someOf(revisions: readonly string[], offset: number): string[] {
  return revisions.filter((_, i) => i % 6 === offset % 6 || i === revisions.length - 1);
}

test('there is a fixture for every migration but the newest, whose commit it needs', () => {
  const { entries } = JSON.parse(readFileSync('drizzle/meta/_journal.json', 'utf8')) as { entries: { tag: string }[] };
  const covered = new Set(names.map((name) => answersOf(name).migration));
  // Written and committed together with the next one, these were never the newest of a commit.
  const together = ['0000_tables', '0002_derived', '0007_imports'];
  const missing = entries.slice(0, -1).filter(({ tag }) => !covered.has(tag) && !together.includes(tag));
  expect(missing.map(({ tag }) => tag)).toStrictEqual([]);
});

/** `npm run soak` restores all of them; each takes some ten seconds, so the suite takes every fourth, and the newest. */
const restored = names
  .map((name, i) => [name, i] as const)
  .filter(([, i]) => isLong || i % 4 === 0 || i === names.length - 1);

describe.each(restored)('the database that %s leaves', (name, offset) => {
  test('comes up with the schema, the points, the derived series and the imports that it had, and goes on', async () => {
    const answers = answersOf(name);
    const { url: databaseUrl, drop } = await createDatabase({ empty: true });
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await restore(client, read(`${name}.sql.br`));
    await migrate({ url: databaseUrl, ...schemaFolders });
    const schema = readFileSync('drizzle/schema.sql', 'utf8').split('\n').slice(3).join('\n');
    const query = async (text: string) => (await client.query<Record<string, unknown>>(text)).rows;
    expect(withoutStorage(await schemaText(query))).toBe(withoutStorage(schema));

    const server = await startServer({ databaseUrl });
    await server.startWorker();
    const { url } = server;
    const expectOldPoints = async (keys: readonly string[]) => {
      for (const key of keys) {
        const byRevision = answers.points[key];
        const revisions = someOf(Object.keys(byRevision), offset);
        const wanted = Object.fromEntries(revisions.map((revision) => [revision, byRevision[revision]]));
        expect(await pointsAt(url, key, revisions), `points of ${key}`).toStrictEqual(wanted);
      }
    };
    const expectDerived = async (derived: Readonly<Record<string, string>>) => {
      for (const [key, formula] of Object.entries(derived)) {
        const { evaluate } = await ask<{ evaluate: { value: number[] } }>(
          url,
          'query($formula: String!) { evaluate(formula: $formula) { value } }',
          { formula },
        );
        const values = (await currentPoints(url, key)).map(([, value]) => value);
        expect(values, `${key} = ${formula}`).toStrictEqual(evaluate.value);
      }
    };
    const write = async (ticks: readonly object[]) =>
      ask(url, 'mutation($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }', {
        input: { ticks, await: 'DERIVED' },
      });

    const { allSeries, imports } = await ask<{
      allSeries: { nodes: { key: string; formula?: string }[] };
      imports: { nodes: ImportRow[] };
    }>(
      url,
      `{ allSeries(first: 100) { nodes { key name unit tags __typename ... on DerivedSeries { formula } } }
         imports(first: 100) { nodes { ${importFields} } } }`,
    );
    const wanted = answers.series.map((one) => ({ ...one, formula: answers.derived[one.key] }));
    expect(allSeries.nodes.map((one) => ({ ...one, formula: one.formula }))).toStrictEqual(wanted);
    expect(imports.nodes).toStrictEqual(answers.imports);
    await expectOldPoints(Object.keys(answers.points));
    await expectDerived(answers.derived);

    // A correction far in the past and a new tick.
    await write([
      { series: 'A', t: '2026-01-01T00:00:06Z', value: 77, size: 1 },
      { series: 'C', t: '2026-02-01T00:00:00Z', value: 78 },
    ]);
    await defineAt(url, 'LATER', 'max(A, 10s) - C');
    const derived = { ...answers.derived, LATER: 'max(A, 10s) - C' };
    await write([{ series: 'A', t: '2026-02-01T00:00:01Z', value: 79 }]);
    await expectDerived(derived);

    const done = imports.nodes.find(({ status }) => status === 'DONE');
    if (done !== undefined) {
      await ask(url, 'mutation($id: ID!) { undoImport(id: $id) { id } }', { id: done.id });
      const statusOf = async () =>
        (
          await ask<{ import: { status: string } }>(url, 'query($id: ID!) { import(id: $id) { status } }', {
            id: done.id,
          })
        ).import.status;
      await until(async () => (await statusOf()) === 'UNDONE');
      // What another import has changed since, or restored, stays.
      const before = answers.points.IMPORTED[answers.revision];
      const kept = before.filter(([, , , revision]) => revision > done.toRevision);
      expect(await currentPoints(url, 'IMPORTED')).toStrictEqual(kept);
      expect(kept.length).toBeLessThan(before.length);
      await write([{ series: 'A', t: '2026-02-01T00:00:02Z', value: 80 }]);
      await expectDerived(derived);
    }

    const process = startProcess(databaseUrl);
    for (const key of ['A', 'C']) await sealWhole(process.database, await idOf(process, key));
    await process.stop();
    await expectOldPoints(['A', 'C']);
    await expectDerived(derived);
    const view = await client.query<{ key: string; values: number[] }>(
      'SELECT key, array_agg(value ORDER BY t) AS values FROM points GROUP BY key',
    );
    const shown = Object.fromEntries(view.rows.map(({ key, values }) => [key, values]));
    for (const key of ['A', 'C', ...Object.keys(derived)])
      expect(shown[key], `${key} in the view`).toStrictEqual((await currentPoints(url, key)).map(([, value]) => value));
    const { errors } = await gql(url, 'mutation { deleteSeries(key: "LARGE") { revision } }');
    expect(errors).toBeUndefined();

    await server.stop();
    await client.end();
    await drop();
  });
});
