import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bell } from '../../../src/bell/bell.ts';
import type { ImportInput } from '../../../src/imports/import-input.ts';
import { UploadBytes } from '../../../src/imports/upload-bytes.ts';
import { ImportJobs, type ImportJobsOptions } from '../../../src/imports/work/import-jobs.ts';
import { connect, type Database } from '../../../src/store/connect.ts';
import { type ImportRow, type ImportTask, readImport } from '../../../src/store/imports/import-rows.ts';
import { openBell } from '../../recompute/recompute-harness.ts';
import { type Process, startProcess } from '../../store/world.ts';
import { createDatabase } from '../../support/database.ts';
import { type Fate, mortal } from './killable-worker.ts';

/** One who works on imports, with connections of its own. */
interface TestWorker {
  readonly jobs: ImportJobs;
  readonly database: Database;
  stopping: boolean;
  close(): Promise<void>;
}

export interface Scene {
  readonly url: string;
  readonly process: Process;
  readonly bell: Bell;
  /** Uploads lie in a folder in it. */
  readonly home: string;
  /** An upload that is here, and an import that waits for a worker. */
  queue(text: string, input?: Partial<ImportInput>, more?: Queued): Promise<number>;
  worker(options?: Partial<ImportJobsOptions> & { readonly fate?: Fate }): TestWorker;
  read(id: number): Promise<ImportRow>;
  stop(): Promise<void>;
}

interface Queued {
  readonly task?: ImportTask;
  readonly claimedSha256?: string;
}

/** Of files as `csv` writes them nothing is to be guessed. */
const said: ImportInput = {
  columns: [
    { column: 'series', role: 'SERIES' },
    { column: 't_millis', role: 'T' },
    { column: 'value', role: 'VALUE' },
  ],
  timeFormat: 'MILLIS',
  createMissing: true,
  partial: false,
  previewOnly: false,
};

export async function openScene(redisUrl?: string): Promise<Scene> {
  const { url, drop } = await createDatabase();
  const writer = startProcess(url);
  const bell = await openBell(writer.database, redisUrl);
  const home = mkdtempSync(join(tmpdir(), 'tidemark-imports-'));
  const folder = join(home, 'uploads');
  mkdirSync(folder);
  const opened = new Set<TestWorker>();
  return {
    url,
    process: writer,
    bell,
    home,
    queue: async (text, input = {}, { task = 'COMMIT', claimedSha256 } = {}) => {
      const upload = randomUUID();
      writeFileSync(join(folder, upload), text);
      const whole: ImportInput = { ...said, previewOnly: task === 'PREVIEW', ...input };
      const [row] = await writer.database.query<{ id: number }>(
        `WITH upload AS (INSERT INTO uploads (id, filename, size, claimed_sha256, complete_at) VALUES ($1, 'prices.csv', $2, $3, now()))
         INSERT INTO imports (upload, filename, status, input, task) VALUES ($1, 'prices.csv', 'QUEUED', $4, $5) RETURNING id`,
        [upload, Buffer.byteLength(text), claimedSha256 ?? null, JSON.stringify(whole), task],
      );
      return row.id;
    },
    worker: ({ fate, ...options } = {}) => {
      const database = connect({ url, connectionsMax: 4 });
      const worker: TestWorker = {
        database,
        stopping: false,
        jobs: new ImportJobs(fate ? mortal(database, fate) : database, bell, {
          bytes: new UploadBytes(folder),
          log: (line) => void process.stdout.write(`${line}\n`),
          isStopping: () => worker.stopping,
          onCommit: (notice) => bell.tell(notice),
          ...options,
        }),
        close: async () => {
          if (opened.delete(worker)) await database.close();
        },
      };
      opened.add(worker);
      return worker;
    },
    read: async (id) => {
      const row = await readImport(writer.database, id);
      if (!row) throw new Error(`there is no import ${id}`);
      return row;
    },
    stop: async () => {
      await Promise.all([...opened].map((worker) => worker.close()));
      await bell.stop();
      await writer.stop();
      await drop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export function csv(rows: readonly (readonly [series: string, t: number, value: number | string])[]): string {
  return ['series,t_millis,value', ...rows.map((row) => row.join(','))].map((line) => `${line}\n`).join('');
}
