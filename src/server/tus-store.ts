import type { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { DataStore, ERRORS, Upload } from '@tus/server';
import { Fault } from '../engine/fault.ts';
import type { ImportInput } from '../imports/import-input.ts';
import { parseImportInput } from '../imports/parse-input.ts';
import { filenameOf, sha256Of, type UploadReceiver } from '../imports/upload-receiver.ts';
import { globalId } from '../schema/ids.ts';
import { isDiskFull } from '../store/retry.ts';
import type { Taker, UploadLocks } from '../store/uploads/upload-locks.ts';
import type { UploadRow } from '../store/uploads/upload-rows.ts';
import type { Checksum } from './checksum.ts';

/** The parts of a request that the tus server does not pass on. */
export interface TusRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly checksum: Checksum | undefined;
  /** The client of the request. */
  readonly by: string;
  /** The signal of the upload's lock. */
  taker?: Taker;
  /** Resolves when the last write has ended. The tus server does not wait for that after an error. */
  written?: Promise<void>;
  /** The reason why bytes could not be written. The tus server replaces some errors by others. */
  failure?: unknown;
}

/**
 * The answer to a HEAD request when the offset is temporarily unknown. Clients treat a 5xx, and every status except
 * this one, as the end of the upload, and start another one.
 */
export const retryLaterStatus = 423;

/** The header with the import's id, for clients that never called createUpload. */
export const importHeader = 'Tidemark-Import';

/** An error in the form of the tus server. */
export class TusRefusal extends Error {
  readonly status_code: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(body);
    this.status_code = status;
    this.body = `${body}\n`;
  }
}

/** The reason why an upload accepts no more bytes. */
function refusalOf({ isGone, isComplete, isAwaited }: UploadRow): TusRefusal | undefined {
  if (isGone) return new TusRefusal(410, 'The bytes of this upload are deleted; what became of its import stays.');
  if (isComplete || isAwaited) return undefined;
  return new TusRefusal(410, 'The import of this upload is over: nothing waits for its bytes.');
}

/** The interval at which a running request checks whether its upload was cancelled. */
const lookMillis = 1_000;

export const diskFullMessage =
  'The disk of the server is full. What was sent so far is kept: go on when there is room.';

export function diskFull(): TusRefusal {
  return new TusRefusal(507, diskFullMessage);
}

/** The data store of the tus server: metadata in the database, bytes in the folder. */
export class TusDataStore extends DataStore {
  readonly #arrival: UploadReceiver;
  readonly #locks: UploadLocks;
  readonly #sent: AsyncLocalStorage<TusRequest>;
  readonly #expiryMillis: number;

  constructor(arrival: UploadReceiver, locks: UploadLocks, sent: AsyncLocalStorage<TusRequest>, expiryMillis: number) {
    super();
    this.#arrival = arrival;
    this.#locks = locks;
    this.#sent = sent;
    this.#expiryMillis = expiryMillis;
    this.extensions = [
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'termination',
      'expiration',
      'checksum',
    ];
  }

  override async create(upload: Upload): Promise<Upload> {
    const { filename, sha256, input } = uploadFromMetadata(upload.metadata ?? {});
    const { id, size = null } = upload;
    this.#name(
      await this.#arrival.begin({ id, filename, size, claimedSha256: sha256, sha256: null }, input, this.#by()),
    );
    return upload;
  }

  override async getUpload(id: string): Promise<Upload> {
    const row = await this.#arrival.upload(id);
    if (!row) throw ERRORS.FILE_NOT_FOUND;
    this.#name(row.import);
    const refusal = refusalOf(row);
    if (refusal) throw refusal;
    const { bytes } = this.#arrival;
    const offset = row.isComplete && row.size !== null ? row.size : await bytes.settle(id);
    // The last byte may have arrived in a process that died before it marked the upload as complete.
    if (!row.isComplete && offset === row.size) await this.#arrival.finished(id);
    const activeAt = row.isComplete ? Date.now() : Math.max(row.createdAt, (await bytes.touchedAt(id)) ?? 0);
    return new Upload({
      id,
      ...(row.size !== null && { size: row.size }),
      offset,
      metadata: metadataOf(row),
      creation_date: new Date(activeAt).toISOString(),
    });
  }

  override write(chunks: Readable, id: string, from: number): Promise<number> {
    const sent = this.#sent.getStore();
    const writing = this.#write(chunks, id, from, sent);
    if (sent)
      sent.written = writing.then(
        () => undefined,
        () => undefined,
      );
    return writing;
  }

  async #write(chunks: Readable, id: string, from: number, sent: TusRequest | undefined): Promise<number> {
    let over: TusRefusal | undefined;
    const look = async () => {
      const row = await this.#arrival.upload(id);
      over = row && refusalOf(row);
    };
    // An upload can take days and be cancelled meanwhile.
    const timer = setInterval(() => void look().catch(() => undefined), lookMillis);
    const mayGoOn = () => {
      if (over) throw over;
      if (!sent?.taker || !this.#locks.holds(id, sent.taker))
        throw new TusRefusal(503, 'The connection to the database was lost. Ask where to go on, and go on.');
    };
    try {
      if (!sent?.checksum) return await this.#arrival.bytes.write(id, from, chunks, mayGoOn);
      return await this.#writeChecked(chunks, id, from, sent.checksum, mayGoOn);
    } catch (error) {
      const failure = isDiskFull(error) ? diskFull() : error;
      if (sent && failure instanceof TusRefusal) sent.failure = failure;
      throw failure;
    } finally {
      clearInterval(timer);
    }
  }

  async #writeChecked(
    chunks: Readable,
    id: string,
    from: number,
    { hash, expected }: Checksum,
    mayGoOn: () => void,
  ): Promise<number> {
    async function* hashed(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    }
    const isRight = () => hash.digest().equals(expected);
    const offset = await this.#arrival.bytes.writeChecked(id, from, hashed(), isRight, mayGoOn);
    if (offset === undefined)
      throw new TusRefusal(460, 'The bytes do not match Upload-Checksum and are discarded: send them again.');
    return offset;
  }

  override async declareUploadLength(id: string, size: number): Promise<void> {
    await this.#arrival.declareSize(id, size);
  }

  override async remove(id: string): Promise<void> {
    await this.#arrival.cancelled(id, this.#by());
  }

  override getExpiration(): number {
    return this.#expiryMillis;
  }

  #by(): string | null {
    return this.#sent.getStore()?.by ?? null;
  }

  #name(id: number): void {
    const response = this.#sent.getStore()?.response;
    if (response && !response.headersSent) response.setHeader(importHeader, globalId('Import', id));
  }
}

interface Given {
  readonly filename: string;
  readonly sha256: string | null;
  readonly input: ImportInput;
}

/** The upload that a tus client's metadata describe. */
export function uploadFromMetadata(metadata: Readonly<Record<string, string | null>>): Given {
  try {
    return {
      filename: filenameOf(metadata.filename ?? metadata.name),
      sha256: sha256Of(metadata.sha256),
      input: parseImportInput(metadata.import == null ? {} : JSON.parse(metadata.import)),
    };
  } catch (error) {
    if (error instanceof Fault) {
      const { inputPath = [], message } = error;
      const place = inputPath.length > 1 ? `${inputPath.join('.')}: ` : '';
      throw new TusRefusal(400, `Upload-Metadata: ${place}${message}`);
    }
    if (error instanceof SyntaxError) throw new TusRefusal(400, 'Upload-Metadata: import is not JSON.');
    throw error;
  }
}

function metadataOf({ filename, sha256, input }: UploadRow): Record<string, string> {
  return { filename, ...(sha256 === null ? {} : { sha256 }), import: JSON.stringify(input) };
}
