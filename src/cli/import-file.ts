import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Fault } from '../engine/fault.ts';

const bufferBytes = 1 << 20;

/** A file that the command reads several times. It must not change between the reads. */
export class ImportFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #modifiedMillis: number;

  private constructor(path: string, handle: FileHandle, stats: Stats) {
    this.path = path;
    this.name = basename(path);
    this.size = stats.size;
    this.#handle = handle;
    this.#modifiedMillis = stats.mtimeMs;
  }

  static async open(path: string): Promise<ImportFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path);
      const stats = await handle.stat();
      if (stats.isFile()) return new ImportFile(path, handle, stats);
    } catch (error) {
      await handle?.close();
      throw new Fault('BAD_USER_INPUT', `${path} cannot be read: ${unreadable(error)}`);
    }
    await handle.close();
    throw new Fault('BAD_USER_INPUT', `${path} is no file. Name the files themselves.`);
  }

  async sha256(onBytes: (bytes: number) => void): Promise<string> {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(bufferBytes);
    let at = 0;
    while (at < this.size) {
      const bytesRead = await this.#read(buffer, at, Math.min(buffer.length, this.size - at));
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
      onBytes(at);
    }
    await this.mustBeUnchanged();
    return hash.digest('hex');
  }

  /** The bytes from one offset to another, or to the end. */
  async slice(start: number, end: number): Promise<Buffer> {
    await this.mustBeUnchanged();
    const buffer = Buffer.allocUnsafe(Math.min(end, this.size) - start);
    for (let at = 0; at < buffer.length; ) at += await this.#read(buffer.subarray(at), start + at, buffer.length - at);
    return buffer;
  }

  async mustBeUnchanged(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size || mtimeMs !== this.#modifiedMillis) throw this.#changed();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #read(buffer: Buffer, at: number, length: number): Promise<number> {
    const { bytesRead } = await this.#handle.read(buffer, 0, length, at);
    if (bytesRead === 0) throw this.#changed();
    return bytesRead;
  }

  #changed(): Fault {
    return new Fault(
      'CONFLICT',
      `${this.path} changed while it was being sent; nothing of it was imported. Send it again when it is complete.`,
    );
  }
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file.';
  if (code === 'EACCES') return 'this user may not read it.';
  return error instanceof Error ? `${error.message}.` : `${error}.`;
}
