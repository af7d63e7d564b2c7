import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Imported } from '../../../src/cli/import-server.ts';
import { Kept } from '../../chaos/kept.ts';
import { createDatabase } from '../../support/database.ts';
import { importHere } from '../../support/import-here.ts';
import { scratch } from '../../support/program.ts';
import { freePort } from '../../support/redis.ts';

export interface Ran {
  readonly code: number;
  readonly output: string;
  /** What --json said of each file. */
  readonly imports: readonly Imported[];
}

/** The program as users run it: an API and a worker, each a process that is started again when it ends, and a folder for files. */
export class Place {
  readonly port: number;
  readonly databaseUrl: string;
  readonly folder: string;
  readonly api: Kept;
  readonly worker: Kept;
  readonly #remove: () => Promise<void>;

  private constructor(port: number, databaseUrl: string, folder: string, remove: () => Promise<void>) {
    this.port = port;
    this.databaseUrl = databaseUrl;
    this.folder = folder;
    this.#remove = remove;
    const env = { DATABASE_URL: databaseUrl, TIDEMARK_HOME: join(folder, 'home') };
    this.api = new Kept(['--role', 'api', '--port', String(port)], env, 'Try it:');
    this.worker = new Kept(['--role', 'worker'], env, 'worker is ready');
  }

  static async start(): Promise<Place> {
    const database = await createDatabase();
    const { folder, remove } = scratch();
    const place = new Place(await freePort(), database.url, folder, async () => {
      await database.drop();
      remove();
    });
    await place.up();
    return place;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/graphql`;
  }

  async up(): Promise<void> {
    await Promise.all([this.api.up(), this.worker.up()]);
  }

  /** A file of the user's. */
  file(name: string, bytes: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** `tidemark import` with these words, in this process. */
  async import(words: readonly string[], url = this.url): Promise<Ran> {
    const { code, output } = await importHere([...words, '--json', '--url', url]);
    const imports = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Imported => JSON.parse(line).import);
    return { code, output, imports };
  }

  async stop(): Promise<void> {
    await Promise.all([this.api.stop(), this.worker.stop()]);
    await this.#remove();
  }
}

function kilobytesOf(pid: number, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Watches a process from here on: gives by how many MiB more than now it ever used. */
export function watchMemory(pid: number): () => number {
  // The most that it used begins anew.
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = kilobytesOf(pid, 'VmRSS');
  return () => (kilobytesOf(pid, 'VmHWM') - before) / 1_024;
}
