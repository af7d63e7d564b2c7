import type { Bell, CommitNotice } from '../../bell/bell.ts';
import { Fault } from '../../engine/fault.ts';
import type { Database } from '../../store/connect.ts';
import { dropOrphanedStages } from '../../store/imports/import-stages.ts';
import { releaseImport, type TakenImport, takeImport, waitingImports } from '../../store/imports/import-work.ts';
import { asFault, errorCodeOf, isDiskFull, isLoss } from '../../store/retry.ts';
import type { ImportInput } from '../import-input.ts';
import { notifyImport, wakeImport } from '../notify.ts';
import type { UploadBytes } from '../upload-bytes.ts';
import { type FileReader, textReader } from './file-reader.ts';
import { ImportLease, Interrupted } from './import-lease.ts';
import { defaultImportSizes, type ImportRun, type ImportSizes } from './import-run.ts';
import { endRun, runImport } from './run-import.ts';

/**
 * The number of imports that a process runs at once. Each takes memory, but a small import should not wait for a large
 * one.
 */
const importsMax = 2;

/** The number of attempts when series are deleted or defined while the import runs. */
const attemptsMax = 5;

export interface ImportJobsOptions {
  readonly bytes: UploadBytes;
  readonly log: (line: string) => void;
  /** A worker that stops releases its imports, and another worker continues them. */
  readonly isStopping: () => boolean;
  readonly onCommit: (notice: CommitNotice) => void;
  readonly reader?: FileReader;
  readonly sizes?: ImportSizes;
}

/** Runs imports in a worker. */
export class ImportJobs {
  readonly #database: Database;
  readonly #bell: Bell;
  readonly #options: ImportJobsOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(database: Database, bell: Bell, options: ImportJobsOptions) {
    this.#database = database;
    this.#bell = bell;
    this.#options = options;
  }

  /**
   * Starts an import in the background, because it can take hours and must not block other jobs. If too many are
   * running, the import starts when one of them ends.
   */
  async take(id: number): Promise<void> {
    if (this.#running.size >= importsMax) return;
    const run = this.#run(id).finally(() => this.#running.delete(run));
    this.#running.add(run);
    await run;
  }

  /** Resolves when no import is running. */
  async ended(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Runs an import, then the queued ones that arrived meanwhile. */
  async #run(id: number): Promise<void> {
    let next: number | undefined = id;
    while (next !== undefined && !this.#options.isStopping()) {
      const taken = await takeImport(this.#database, next);
      if (taken) await this.#work(taken);
      else if (next !== id) return;
      next = (await waitingImports(this.#database, 'queued'))[0]?.id;
    }
  }

  /** Wakes workers for queued imports and for imports of dead workers, and deletes stages of ended imports. */
  async sweep(): Promise<void> {
    await dropOrphanedStages(this.#database);
    for (const waiting of await waitingImports(this.#database, 'all')) await wakeImport(this.#bell, waiting);
  }

  async #work(taken: TakenImport): Promise<void> {
    const { bytes, isStopping, onCommit, reader = textReader, sizes = defaultImportSizes } = this.#options;
    const { id, upload, filename, size, deaths } = taken;
    const database = this.#database;
    if (deaths > 0)
      this.#options.log(
        `import ${id} (${filename}) resumes: ${deaths} workers in a row died or lost the database while they ran it`,
      );
    const lease = new ImportLease(database, taken, isStopping);
    const notify = () => notifyImport(database, this.#bell, id);
    try {
      await notify();
      const task: ImportRun = {
        database,
        lease,
        taken,
        input: taken.input as ImportInput,
        source: bytes.source(upload, filename, size ?? 0),
        reader,
        sizes,
        announce: this.#bell.ringsInCommit,
        onCommit,
        notify,
      };
      let isDone = await runImport(task);
      for (let attempt = 1; !isDone; attempt++) {
        if (attempt >= attemptsMax) throw new Fault('CONFLICT', 'Its series are deleted and made again and again.');
        isDone = await runImport({ ...task, taken: { ...taken, place: null } });
      }
    } catch (error) {
      await this.#endEarly(lease, taken, error, notify);
    } finally {
      lease.end();
    }
  }

  async #endEarly(lease: ImportLease, taken: TakenImport, error: unknown, notify: () => Promise<void>): Promise<void> {
    const database = this.#database;
    if (error instanceof Interrupted) {
      if (error.why === 'cancelled') await endRun({ database, lease, notify }, { status: 'CANCELLED' });
      if (error.why !== 'stopping' && error.why !== 'waiting') return;
      await releaseImport(database, lease);
      await notify();
      // The import that it waits for wakes it when it ends.
      if (error.why === 'stopping') await wakeImport(this.#bell, lease);
      return;
    }
    // After a lost database connection another worker continues the import; a full disk fails it, because waiting would
    // not help. An import with visible revisions always continues.
    const isAway = isLoss(error) && !isDiskFull(error) && !isMissing(error);
    if (isAway || isPassing(error) || lease.isPublished) throw error;
    const told = asFault(error);
    if (!(told instanceof Fault))
      this.#options.log(
        `import ${lease.id} failed: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
      );
    await endRun(
      { database, lease, notify },
      { status: taken.task === 'UNDO' ? 'DONE' : 'FAILED', problem: problemOf(told, error, taken) },
    );
  }
}

/** A missing file. A missing database socket has the same code, but comes from connect. */
function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' && error instanceof Error && 'syscall' in error && error.syscall !== 'connect';
}

/** A deadlock or a serialization failure: the next attempt succeeds. */
function isPassing(error: unknown): boolean {
  return codeOf(error)?.startsWith('40') ?? false;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Fault ? errorCodeOf(error.cause) : errorCodeOf(error);
}

function problemOf(told: unknown, error: unknown, { task }: TakenImport): string {
  if (isDiskFull(error)) {
    const again = task === 'UNDO' ? 'take it back again' : 'import the file again';
    return `The database has no disk space left: nothing was written. Free some, and ${again}.`;
  }
  const said = told instanceof Error ? told.message : String(told);
  if (isMissing(error))
    return 'The bytes of this file are not in the folder of uploads: send the file again. (UPLOADS must be one folder for all processes, as a volume that all machines share.)';
  return told instanceof Fault ? said : `The import failed because of a fault in the server: ${said}`;
}
