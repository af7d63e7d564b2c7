import { randomUUID } from 'node:crypto';
import type { Bell } from '../bell/bell.ts';
import { Fault } from '../engine/fault.ts';
import type { Database } from '../store/connect.ts';
import type { Requester } from '../store/imports/import-requests.ts';
import {
  completeUpload,
  declareSize,
  giveUpUpload,
  insertImport,
  insertUpload,
  lockBytes,
  type NewUpload,
  type Run,
  readCandidates,
  readUpload,
  type TouchedImport,
  type UploadRow,
  withTextLocked,
} from '../store/uploads/upload-rows.ts';
import type { ImportInput } from './import-input.ts';
import { notifyImport, wakeImport } from './notify.ts';
import type { UploadBytes } from './upload-bytes.ts';
import { workIdentity } from './work-identity.ts';

export interface UploadLimits {
  readonly uploadBytesMax: number;
}

export interface UploadRequest {
  readonly filename: string;
  readonly size: number;
  /** The hash of all bytes in hex. It identifies a file that is already stored. */
  readonly sha256?: string | null | undefined;
  readonly input: ImportInput;
}

/** The upload that receives the bytes, the offset of the next byte, and the import they are for. */
export interface StartedUpload {
  readonly import: number;
  readonly upload: string;
  readonly offset: number;
}

/** A file that arrived within a request. It is deleted after the request unless an import uses it. */
export class ReceivedFile {
  readonly upload: string;
  readonly filename: string;
  readonly size: number;
  readonly sha256: string;
  isTaken = false;

  constructor(given: Pick<ReceivedFile, 'upload' | 'filename' | 'size' | 'sha256'>) {
    this.upload = given.upload;
    this.filename = given.filename;
    this.size = given.size;
    this.sha256 = given.sha256;
  }
}

/** The file name as it is stored: without folders and control characters, and limited in length. */
export function filenameOf(given: string | null | undefined): string {
  const [last = ''] = (given ?? '').split(/[/\\]/).slice(-1);
  const clean = last.replace(/\p{C}/gu, '').trim();
  return clean === '' ? 'upload' : clean.slice(-255);
}

export function sha256Of(given: string | null | undefined): string | null {
  if (given == null) return null;
  if (!/^[0-9a-f]{64}$/i.test(given))
    throw new Fault('BAD_USER_INPUT', 'sha256 is the SHA-256 of the whole file: 64 hexadecimal digits.', ['sha256']);
  return given.toLowerCase();
}

const taskOf = ({ previewOnly }: ImportInput) => (previewOnly ? 'PREVIEW' : 'COMMIT');

/** Turns received bytes into imports: creates uploads, recognizes known files, queues complete ones. */
export class UploadReceiver {
  readonly bytes: UploadBytes;
  readonly limits: UploadLimits;
  readonly #database: Database;
  readonly #bell: Bell;

  constructor(database: Database, bell: Bell, bytes: UploadBytes, limits: UploadLimits) {
    this.#database = database;
    this.#bell = bell;
    this.bytes = bytes;
    this.limits = limits;
  }

  /** Creates an upload or resumes one. For a known file the offset equals the size, and the client sends nothing. */
  async createUpload(
    { filename, size, sha256: given, input }: UploadRequest,
    by: Requester = null,
  ): Promise<StartedUpload> {
    if (!Number.isSafeInteger(size) || size < 0)
      throw new Fault('BAD_USER_INPUT', 'size is the number of bytes of the file.', ['size']);
    this.#checkSize(size);
    const sha256 = sha256Of(given);
    const upload = { id: randomUUID(), filename: filenameOf(filename), size, claimedSha256: sha256, sha256: null };
    if (sha256 === null) {
      const begun = { import: await this.begin(upload, input, by), upload: upload.id, offset: 0 };
      if (size === 0) await this.finished(upload.id);
      return begun;
    }
    const { begun, isQueued } = await withTextLocked(this.#database, sha256, async (run) => {
      const found = await this.#recognize(run, sha256, size, input);
      if (found) return { begun: found, isQueued: false };
      const here = await this.#here(run, sha256, size);
      if (here !== undefined) {
        const id = await this.#queue(run, { upload: here, filename: upload.filename, input, by });
        return { begun: { import: id, upload: here, offset: size }, isQueued: true };
      }
      return {
        begun: { import: await beginIn(run, upload, input, by), upload: upload.id, offset: 0 },
        isQueued: false,
      };
    });
    if (isQueued) this.#wake([{ id: begun.import, epoch: 0 }]);
    // An empty file needs no bytes, so it is complete at once.
    else if (begun.offset === size) await this.finished(begun.upload);
    return begun;
  }

  /** Creates an upload under a given id and returns its import. */
  begin(upload: NewUpload, input: ImportInput, by: Requester = null): Promise<number> {
    if (upload.size !== null) this.#checkSize(upload.size);
    return withTextLocked(this.#database, upload.id, (run) => beginIn(run, upload, input, by));
  }

  /** Creates the import of a file that arrived within a request. */
  async fromFile(file: ReceivedFile, input: ImportInput, by: Requester = null): Promise<number> {
    const { sha256, size, filename } = file;
    const { id, isNew, isOther } = await withTextLocked(this.#database, sha256, async (run) => {
      const found = await this.#recognize(run, sha256, size, input, true);
      if (found) return { id: found.import, isNew: false, isOther: found.upload !== file.upload };
      const here = await this.#here(run, sha256, size);
      if (here === undefined) await insertUpload(run, { id: file.upload, filename, size, claimedSha256: null, sha256 });
      const upload = here ?? file.upload;
      return {
        id: await this.#queue(run, { upload, filename, input, by }),
        isNew: true,
        isOther: upload !== file.upload,
      };
    });
    if (!isOther) file.isTaken = true;
    if (isNew) this.#wake([{ id, epoch: 0 }]);
    return id;
  }

  upload(id: string): Promise<UploadRow | undefined> {
    return readUpload(this.#database, id);
  }

  declareSize(id: string, size: number): Promise<void> {
    return declareSize(this.#database, id, size);
  }

  /** Marks an upload as complete and queues its imports. Repeated calls have no further effect. */
  async finished(id: string): Promise<void> {
    this.#wake(await completeUpload(this.#database, id));
  }

  /** Gives up an upload whose client does not want to send the rest. */
  async cancelled(id: string, by: Requester = null): Promise<void> {
    for (const { id: touched } of await giveUpUpload(this.#database, id, { status: 'CANCELLED', by }))
      this.#tell(touched);
    await this.bytes.remove(id);
  }

  /** Finds an import that does or will do the same work. For stored bytes, only their verified hash counts. */
  async #recognize(
    run: Run,
    sha256: string,
    size: number,
    input: ImportInput,
    isHere = false,
  ): Promise<StartedUpload | undefined> {
    const work = workIdentity(sha256, input);
    for (const candidate of await readCandidates(run, sha256, size)) {
      if (workIdentity(sha256, candidate.input as ImportInput) !== work) continue;
      const { id, upload, isComplete, isGone, isFound } = candidate;
      if (isHere && !isFound) continue;
      if (isComplete) return { import: id, upload, offset: size };
      if (!isGone) return { import: id, upload, offset: await this.bytes.offset(upload) };
    }
    return undefined;
  }

  /** Finds stored bytes: the row says that they are complete, and the folder holds them. */
  async #here(run: Run, sha256: string, size: number): Promise<string | undefined> {
    const upload = await lockBytes(run, sha256, size);
    return upload !== undefined && (await this.bytes.offset(upload)) === size ? upload : undefined;
  }

  #queue(
    run: Run,
    asked: { readonly upload: string; readonly filename: string; readonly input: ImportInput; readonly by: Requester },
  ): Promise<number> {
    return insertImport(run, { ...asked, status: 'QUEUED', task: taskOf(asked.input) });
  }

  #checkSize(size: number): void {
    if (size > this.limits.uploadBytesMax) throw new Fault('TOO_EXPENSIVE', this.tooLarge(), ['size']);
  }

  tooLarge(): string {
    const gigabytes = (this.limits.uploadBytesMax / 1e9).toLocaleString('en');
    return `A file has at most ${gigabytes} GB (UPLOAD_GB_MAX): send it in parts, or compressed with gzip.`;
  }

  /** A lost wake-up only delays the import: the workers' sweep also finds queued imports. */
  #wake(imports: readonly TouchedImport[]): void {
    for (const each of imports) {
      void wakeImport(this.#bell, each).catch(() => undefined);
      this.#tell(each.id);
    }
  }

  #tell(id: number): void {
    void notifyImport(this.#database, this.#bell, id).catch(() => undefined);
  }
}

async function beginIn(run: Run, upload: NewUpload, input: ImportInput, by: Requester): Promise<number> {
  await insertUpload(run, upload);
  const { id, filename } = upload;
  return insertImport(run, { upload: id, filename, status: 'UPLOADING', task: taskOf(input), input, by });
}
