import { isDeepStrictEqual } from 'node:util';
import type { Bell } from '../bell/bell.ts';
import { Fault, type InputPath } from '../engine/fault.ts';
import type { Database } from '../store/connect.ts';
import { type RejectRow, readRejects } from '../store/imports/import-rejects.ts';
import { type Requester, type RequestRow, readRequests } from '../store/imports/import-requests.ts';
import {
  type ImportRow,
  type ImportStatus,
  idOfWork,
  readCreated,
  readImport,
  readImports,
} from '../store/imports/import-rows.ts';
import { cancelImport, queueAgain, queueUndo } from '../store/imports/import-steps.ts';
import { waitingImports } from '../store/imports/import-work.ts';
import type { ImportInput } from './import-input.ts';
import type { ImportPlan } from './import-plan.ts';
import { notifyImport, wakeImport } from './notify.ts';
import { SummaryRequests } from './summary-requests.ts';
import { mergeImportInput, type RawImportInput } from './validate-input.ts';

const importAnew = 'import the file again';
const waitOrCancel = 'wait until it has ended, which importProgress tells, or cancel it';

/** The advice in the error when an import in this status cannot be committed. */
const insteadOfCommit: Readonly<Record<ImportStatus, string>> = {
  UPLOADING: 'send the rest of the file first',
  QUEUED: waitOrCancel,
  RUNNING: waitOrCancel,
  PREVIEWED: 'try again',
  DONE: 'it was written already',
  FAILED: `${importAnew}, or give another input if rows of it were refused`,
  CANCELLED: importAnew,
  UNDONE: importAnew,
};

const insteadOfUndo: Readonly<Record<ImportStatus, string>> = {
  UPLOADING: 'it has written nothing, and can be cancelled',
  QUEUED: waitOrCancel,
  RUNNING: waitOrCancel,
  PREVIEWED: 'it has written nothing, and can be cancelled',
  DONE: 'try again',
  FAILED: 'it has written nothing',
  CANCELLED: 'it has written nothing',
  UNDONE: 'it was taken back already',
};

/**
 * Commits, cancels, undoes and reads imports for clients. A duplicate import refers to the import that does the work.
 */
export class ImportControl {
  readonly #database: Database;
  readonly #bell: Bell;
  readonly summaries: SummaryRequests;

  constructor(database: Database, bell: Bell) {
    this.#database = database;
    this.#bell = bell;
    this.summaries = new SummaryRequests(database, bell);
  }

  async require(id: number, path: InputPath = ['id']): Promise<ImportRow> {
    const row = await readImport(this.#database, id);
    if (!row) throw new Fault('NOT_FOUND', 'There is no import with this id.', path);
    return row;
  }

  /** Newest first, starting behind the import `after`. */
  page(count: number, after: number | undefined): Promise<ImportRow[]> {
    return readImports(this.#database, count, after);
  }

  rejected(row: ImportRow, count: number): Promise<RejectRow[]> {
    return readRejects(this.#database, idOfWork(row), count);
  }

  created(row: ImportRow, count: number): Promise<string[]> {
    return readCreated(this.#database, idOfWork(row), count);
  }

  /** The requests that clients made on this import, and on the import that does its work. */
  requests({ id, sameAs }: ImportRow, count: number): Promise<RequestRow[]> {
    return readRequests(this.#database, sameAs === null ? [id] : [id, sameAs], count);
  }

  /**
   * Commits a previewed import, with the given input merged into its own. With previewOnly, it runs another preview.
   */
  async commit(id: number, given: RawImportInput | null | undefined, by: Requester = null): Promise<ImportRow> {
    const asked = await this.require(id);
    const seen = await this.#worked(asked);
    const before = { ...(seen.input as ImportInput), previewOnly: false };
    const input = mergeImportInput(before, given, ['input']);
    const isReadAnew = !isDeepStrictEqual(readingOf(input), readingOf(before));
    checkCommit(seen, !isDeepStrictEqual({ ...input, previewOnly: false }, before), isReadAnew);
    const task = input.previewOnly ? 'PREVIEW' : 'COMMIT';
    const won = await queueAgain(this.#database, seen, seen.id, { task, input, isReadAnew, by });
    if (!won) throw conflict('committed', await this.require(seen.id), insteadOfCommit);
    this.#wake(seen.id, seen.epoch);
    return this.require(id);
  }

  async cancel(id: number, by: Requester = null): Promise<ImportRow> {
    const work = idOfWork(await this.require(id));
    if (!(await cancelImport(this.#database, work, by))) {
      const { status, task } = await this.require(work);
      if (status === 'CANCELLED') return this.require(id);
      const isUndo = (status === 'QUEUED' || status === 'RUNNING') && task === 'UNDO';
      if (isUndo)
        throw new Fault('CONFLICT', 'This import is being taken back, which cannot be cancelled: wait for it.', ['id']);
      const instead = status === 'DONE' ? '; undoImport takes it back' : '';
      const message = `This import is ${status} and cannot be cancelled any more${instead}.`;
      throw new Fault('CONFLICT', message, ['id'], { status });
    }
    this.#tell(work);
    void this.#wakeWaiting().catch(() => undefined);
    return this.require(id);
  }

  async undo(id: number, by: Requester = null): Promise<ImportRow> {
    const work = idOfWork(await this.require(id));
    const { epoch } = await this.require(work);
    if (!(await queueUndo(this.#database, work, by)))
      throw conflict('taken back', await this.require(work), insteadOfUndo);
    this.#wake(work, epoch);
    return this.require(id);
  }

  /** The import that does the work of this one: itself, or the one it duplicates. */
  async #worked(row: ImportRow): Promise<ImportRow> {
    return row.sameAs === null ? row : this.require(row.sameAs);
  }

  /** A lost wake-up only delays the import: the workers' sweep also finds queued imports. */
  #wake(id: number, epoch: number): void {
    void wakeImport(this.#bell, { id, epoch }).catch(() => undefined);
    this.#tell(id);
  }

  /** Imports may wait for the one that was just cancelled. */
  async #wakeWaiting(): Promise<void> {
    for (const waiting of await waitingImports(this.#database, 'queued')) await wakeImport(this.#bell, waiting);
  }

  #tell(id: number): void {
    void notifyImport(this.#database, this.#bell, id).catch(() => undefined);
  }
}

/** The fields of an input that affect how the file is read. */
const ofWriting: ReadonlySet<string> = new Set(['createMissing', 'partial', 'previewOnly', 'note']);

function readingOf(input: ImportInput) {
  return Object.fromEntries(Object.entries(input).filter(([name]) => !ofWriting.has(name)));
}

function checkCommit(seen: ImportRow, isOther: boolean, isReadAnew: boolean): void {
  const isRefused = seen.status === 'FAILED' && seen.rejectedCount > 0;
  if (seen.status !== 'PREVIEWED' && !(isRefused && isOther)) throw conflict('committed', seen, insteadOfCommit);
  const problem = (seen.plan as ImportPlan | null)?.problem;
  if (problem && !isReadAnew) throw new Fault('CONFLICT', `There is nothing to commit: ${problem}`, ['input']);
}

function conflict(done: string, { status }: ImportRow, instead: Readonly<Record<ImportStatus, string>>): Fault {
  const message = `This import is ${status} and cannot be ${done}: ${instead[status]}.`;
  return new Fault('CONFLICT', message, ['id'], { status });
}
