import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../../src/config.ts';
import type { ImportStatus, ImportTask } from '../../../src/store/imports/import-rows.ts';
import { startServer, type TestServer } from '../../support/server.ts';

export interface Scene extends TestServer {
  readonly folder: string;
}

/** A server with a folder of uploads of its own. */
export async function startScene(settings: Partial<Config> = {}): Promise<Scene> {
  const home = mkdtempSync(join(tmpdir(), 'tidemark-test-'));
  const folder = join(home, 'uploads');
  mkdirSync(folder);
  const server = await startServer({ home, ...settings });
  return {
    ...server,
    folder,
    stop: async () => {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export interface Given {
  readonly status?: ImportStatus;
  readonly task?: ImportTask;
  readonly filename?: string;
  readonly input?: Record<string, unknown>;
  readonly plan?: unknown;
  /** What its file holds; undefined: it is still to come. */
  readonly text?: string;
  readonly rejectedCount?: number;
  readonly sameAs?: number;
}

/** The rows of an import, as they would lie there. */
export async function put({ app, folder }: Scene, given: Given = {}): Promise<number> {
  const upload = randomUUID();
  const filename = given.filename ?? 'prices.csv';
  if (given.text !== undefined) writeFileSync(join(folder, upload), given.text);
  const size = given.text === undefined ? 100 : Buffer.byteLength(given.text);
  await app.database.query(
    'INSERT INTO uploads (id, filename, size, complete_at) VALUES ($1, $2, $3, CASE WHEN $4 THEN now() END)',
    [upload, filename, size, given.text !== undefined],
  );
  const input = { createMissing: false, partial: false, previewOnly: false, ...given.input };
  const [{ id }] = await app.database.query<{ id: number }>(
    `INSERT INTO imports (upload, filename, status, task, input, plan, rejected_count, same_as)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
    [
      upload,
      filename,
      given.status ?? 'PREVIEWED',
      given.task ?? 'COMMIT',
      JSON.stringify(input),
      given.plan === undefined ? null : JSON.stringify(given.plan),
      given.rejectedCount ?? 0,
      given.sameAs ?? null,
    ],
  );
  return id;
}

/** The bytes of an upload are all here from now on. */
export async function complete({ app, folder }: Scene, id: number, text: string): Promise<void> {
  const [{ upload }] = await app.database.query<{ upload: string }>('SELECT upload FROM imports WHERE id = $1', [id]);
  writeFileSync(join(folder, upload), text);
  await app.database.query('UPDATE uploads SET complete_at = now(), size = $2 WHERE id = $1', [
    upload,
    Buffer.byteLength(text),
  ]);
}

/** Changes an import as a worker would, without a word to anybody. */
export async function change({ app }: Pick<Scene, 'app'>, id: number, set: string): Promise<void> {
  await app.database.query(`UPDATE imports SET ${set}, version = version + 1 WHERE id = $1`, [id]);
}

export function idOf(number: number): string {
  return Buffer.from(`Import:${number}`).toString('base64url');
}
