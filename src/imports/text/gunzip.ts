import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Fault } from '../../engine/fault.ts';
import type { ByteSource } from './tick-batch.ts';

/** A gzip file may unpack to this size, or to this multiple of its size if that is more. */
const bytesAlwaysAllowed = 1_000_000_000;
const timesMax = 200;

/** Counts the bytes that were read from a source, before unpacking. */
export interface ByteCounter {
  bytes: number;
}

export async function* counted(source: ByteSource, from: number, counter: ByteCounter): AsyncGenerator<Buffer> {
  counter.bytes = from;
  for await (const chunk of source.read(from)) {
    counter.bytes += chunk.length;
    yield chunk;
  }
}

export function isGzip(start: Buffer): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Unpacks a gzip file, including files with several members. */
export async function* gunzipped(packed: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  const bytesMax = Math.max(bytesAlwaysAllowed, size * timesMax);
  let bytes = 0;
  const gunzip = createGunzip({ chunkSize: 65_536 });
  // The loop below throws the errors of both streams.
  const unpacked = pipeline(
    Readable.from(packed, { objectMode: false, highWaterMark: 65_536 }),
    gunzip,
    () => undefined,
  );
  try {
    for await (const chunk of unpacked) {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        const times = size < bytesAlwaysAllowed / timesMax ? '1 GB' : `${timesMax} times its size`;
        throw new Fault(
          'TOO_EXPENSIVE',
          `This gzip file unpacks to more than ${times}: send it unpacked, or in parts.`,
        );
      }
      yield chunk;
    }
  } catch (error) {
    throw gzipFault(error, bytes) ?? error;
  } finally {
    unpacked.destroy();
  }
}

function gzipFault(error: unknown, bytes: number): Fault | undefined {
  if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))) return undefined;
  const where = `after ${bytes.toLocaleString('en')} unpacked bytes`;
  return error.code === 'Z_BUF_ERROR'
    ? new Fault('BAD_USER_INPUT', `This gzip file is cut off ${where}: send the whole file.`)
    : new Fault('BAD_USER_INPUT', `This gzip file is damaged ${where} (${error.message}): pack and send it again.`);
}
