import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { errorCodeOf } from '../store/retry.ts';
import type { ByteSource } from './text/tick-batch.ts';

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isUploadId(text: string): boolean {
  return idPattern.test(text);
}

/**
 * The suffix of a file that names the offset from which the bytes have not yet been verified against their checksum.
 */
const unchecked = '.unchecked';

/** Stores the bytes of each upload in a file under its id. Written bytes survive the end of the process. */
export class UploadBytes {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  source(upload: string, filename: string, size: number): ByteSource {
    const path = this.#path(upload);
    return {
      filename,
      size,
      read: (from) => (from >= size ? Readable.from([]) : createReadStream(path, { start: from, end: size - 1 })),
    };
  }

  /** The number of stored bytes; 0 for an upload without bytes. */
  async offset(upload: string): Promise<number> {
    return (await this.#uncheckedFrom(upload)) ?? (await this.#state(upload)).size;
  }

  /** The time of the last write, in milliseconds since 1970; undefined when nothing was written. */
  async touchedAt(upload: string): Promise<number | undefined> {
    const { mtimeMs } = await this.#state(upload);
    return mtimeMs === 0 ? undefined : mtimeMs;
  }

  /**
   * Writes from an offset on and returns the new offset. Bytes written before a failure stay. `mayGoOn` is called
   * before each write and throws to stop it. Only one writer per upload is allowed at a time.
   */
  async write(
    upload: string,
    from: number,
    chunks: AsyncIterable<Uint8Array>,
    mayGoOn: () => void = () => undefined,
  ): Promise<number> {
    const file = await this.#open(upload);
    let offset = from;
    try {
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length; ) {
          mayGoOn();
          const { bytesWritten } = await file.write(chunk, at, chunk.length - at, offset);
          at += bytesWritten;
          offset += bytesWritten;
        }
      }
    } finally {
      await file.close();
    }
    return offset;
  }

  /** Like `write`, but all or nothing: the bytes are removed again unless `isRight` approves them. */
  async writeChecked(
    upload: string,
    from: number,
    chunks: AsyncIterable<Uint8Array>,
    isRight: () => boolean,
    mayGoOn?: () => void,
  ): Promise<number | undefined> {
    await (await this.#open(upload)).close();
    await writeFile(this.#path(upload) + unchecked, String(from));
    let offset: number | undefined;
    try {
      offset = await this.write(upload, from, chunks, mayGoOn);
      if (!isRight()) offset = undefined;
    } finally {
      if (offset === undefined) await this.settle(upload);
      else await rm(this.#path(upload) + unchecked, { force: true });
    }
    return offset;
  }

  /**
   * Removes bytes that were never verified, and returns the number of stored bytes. Only the current writer may call
   * it.
   */
  async settle(upload: string): Promise<number> {
    const from = await this.#uncheckedFrom(upload);
    if (from === undefined) return (await this.#state(upload)).size;
    await truncate(this.#path(upload), from);
    await rm(this.#path(upload) + unchecked, { force: true });
    return from;
  }

  async remove(upload: string): Promise<void> {
    await rm(this.#path(upload), { force: true });
    await rm(this.#path(upload) + unchecked, { force: true });
  }

  /** The ids of all uploads with stored bytes. */
  async all(): Promise<string[]> {
    try {
      return (await readdir(this.folder)).filter(isUploadId);
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async #open(upload: string): Promise<FileHandle> {
    const path = this.#path(upload);
    try {
      return await open(path, 'r+');
    } catch (error) {
      if (errorCodeOf(error) !== 'ENOENT') throw error;
      await mkdir(this.folder, { recursive: true });
      return open(path, 'a').then(async (made) => {
        await made.close();
        return open(path, 'r+');
      });
    }
  }

  async #state(upload: string): Promise<{ readonly size: number; readonly mtimeMs: number }> {
    try {
      return await stat(this.#path(upload));
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return { size: 0, mtimeMs: 0 };
      throw error;
    }
  }

  async #uncheckedFrom(upload: string): Promise<number | undefined> {
    try {
      const from = await readFile(this.#path(upload) + unchecked, 'utf8');
      const { size } = await this.#state(upload);
      // An empty file means that its write was interrupted, so no byte of the chunk was written either.
      return /^\d+$/.test(from) ? Math.min(Number(from), size) : size;
    } catch (error) {
      if (errorCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #path(upload: string): string {
    if (!isUploadId(upload)) throw new Error(`not the id of an upload: ${upload.slice(0, 100)}`);
    return join(this.folder, upload);
  }
}
