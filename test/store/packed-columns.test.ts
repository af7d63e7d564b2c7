import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import { foldVersions } from '../../src/engine/versions.ts';
import { readVersions } from '../../src/store/block-reads.ts';
import { migrate } from '../../src/store/migrate.ts';
import {
  putInstants,
  putRevisions,
  takeInstants,
  takeRevisions,
  widthOfInstants,
  widthOfRevisions,
} from '../../src/store/packed-columns.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { schemaFolders } from '../support/schema-folders.ts';
import { pointsOf, startProcess } from './world.ts';

let url = '';
let drop: () => Promise<void>;

beforeAll(async () => {
  ({ url, drop } = await createDatabase({ empty: true }));
});
afterAll(() => drop());

/** Behind some other bytes, as in what comes from a server. */
function there<T>(bytes: number, put: (to: Buffer, at: number) => void, take: (from: Buffer, at: number) => T): T {
  const buffer = Buffer.alloc(bytes + 6);
  put(buffer, 3);
  return take(buffer, 3);
}

const second = 1_000_000;
const steps = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(0, 1, second, 255, 256, 2 ** 24, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 45),
      fc.integer({ min: 0, max: 70 }),
    )
    .map(([step, count]) => new Array<number>(count).fill(step)),
  fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 70, size: 'max' }),
  fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 70, size: 'max' }),
);

test('instants come back as they were, however far apart they lie', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), steps, (first, given) => {
      let last = first;
      const t = Float64Array.from([first, ...given.map((step) => (last += step))]);
      const width = widthOfInstants(t);
      const back = new Float64Array(t.length);
      there(
        width.length,
        (to, at) => putInstants(to, at, t, width),
        (from, at) => takeInstants(from, at, width.length, first, back),
      );
      expect(back).toStrictEqual(t);
    }),
  );
});

test('regular instants cost four bytes a block, and others what their steps need', () => {
  const regular = Float64Array.from({ length: 4_096 }, (_, i) => i * second);
  expect(widthOfInstants(regular).length).toBe(1 + 3);
  expect(widthOfInstants(regular.map((t, i) => t + (i % 7))).length).toBe(1 + 4_095 * 3);
  expect(widthOfInstants(regular.map((t, i) => t * 10_000 + (i % 7))).length).toBe(1 + 4_095 * 5);
});

test('revisions come back as they were, however far apart they are', () => {
  const span = fc.constantFrom(1, 100, 256, 257, 2 ** 24, 2 ** 31, 2 ** 32, 2 ** 33, 2 ** 50);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 51 }),
      fc.tuple(
        span,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 70, size: 'max' }),
      ),
      (first, [reach, parts]) => {
        const revision = Float64Array.from(parts, (part) => first + Math.floor(part * reach));
        const { base, max, width } = widthOfRevisions(revision);
        expect([base, max]).toStrictEqual([Math.min(...revision), Math.max(...revision)]);
        if (!width) {
          expect(base).toBe(max);
          return;
        }
        const back = new Float64Array(revision.length);
        there(
          width.length,
          (to, at) => putRevisions(to, at, revision, base, width),
          (from, at) => takeRevisions(from, at, width.length, base, back),
        );
        expect(back).toStrictEqual(revision);
      },
    ),
  );
});

/** The migrations up to one of them. */
function migrationsTo(last: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-migrations-'));
  cpSync('drizzle', folder, { recursive: true });
  const journal = join(folder, 'meta', '_journal.json');
  const { entries, ...more } = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { tag: string }[] };
  const kept = entries.slice(0, entries.findIndex(({ tag }) => tag === last) + 1);
  writeFileSync(journal, JSON.stringify({ ...more, entries: kept }));
  return folder;
}

test('a store whose blocks are arrays holds the same after they were packed, and is sealed on', async () => {
  const migrations = migrationsTo('0004_definitions_changed');
  await migrate({ url, migrations, functions: undefined });
  rmSync(migrations, { recursive: true });
  const world = startProcess(url);
  const { database } = world;
  await database.query(`INSERT INTO series (key, created_revision) VALUES ('OLD', 1)`);
  await database.query(
    `INSERT INTO commits (revision, at) SELECT revision, now() FROM unnest('{1,2,3,4,5000000000}'::bigint[]) AS revision`,
  );
  await database.query(
    `INSERT INTO sealed_blocks (series, from_t, to_t, base_revision, max_revision, versions, points, t, value, size, offsets, wide_offsets, summary, chunks)
     VALUES (1, -9007199254740991, 7, 1, 3, 3, 2, '{-9007199254740991,5,7}', '{0.1,-5e-324,NaN}', '{1e308,NaN,NaN}', '{0,1,2}', NULL, '{}', '{}'),
            (1, 10, 20, 2, 5000000000, 3, 2, '{10,10,20}', '{1,1.7976931348623157e308,-0}', NULL, NULL, '{0,4999999998,1}', '{}', '{}')`,
  );
  await database.query(
    `INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
     VALUES (1, 4, 20, 9007199254740991, 2, '{20,9007199254740991}', '{2.5,3}', '{NaN,0}')`,
  );
  await migrate({ url, ...schemaFolders });

  const wanted = [
    { t: -9007199254740991, revision: 1, value: 0.1, size: 1e308 },
    { t: 5, revision: 2, value: -5e-324, size: null },
    { t: 7, revision: 3, value: Number.NaN, size: null },
    { t: 10, revision: 2, value: 1, size: null },
    { t: 10, revision: 5000000000, value: Number.MAX_VALUE, size: null },
    { t: 20, revision: 3, value: -0, size: null },
    { t: 20, revision: 4, value: 2.5, size: null },
    { t: 9007199254740991, revision: 4, value: 3, size: 0 },
  ];
  const held = async () => {
    const versions = await readVersions(database, 1, everything);
    const told = await database.query<{ t: string; value: number; size: number | null; revision: string }>(
      'SELECT * FROM tidemark_versions(1) ORDER BY t, revision',
    );
    const rows = told.map((row) => ({ ...row, t: Number(row.t), revision: Number(row.revision) }));
    return { versions: pointsOf(versions), rows, points: pointsOf(foldVersions(versions, 4)) };
  };
  const before = await held();
  expect(before.versions).toStrictEqual(wanted);
  expect(before.rows).toStrictEqual(wanted.map(({ t, value, size, revision }) => ({ t, value, size, revision })));
  expect(await world.catalogue.changedRevisions([1], 4)).toStrictEqual(new Map([[1, 4]]));
  expect(await world.catalogue.changedRevisions([1], 2)).toStrictEqual(new Map([[1, 2]]));
  await sealWhole(database, 1);
  expect(await held()).toStrictEqual(before);
  const [left] = await database.query<{ count: string }>('SELECT count(*) AS count FROM fresh_blocks');
  expect(left.count).toBe('0');
  await world.stop();
});
