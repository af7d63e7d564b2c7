import { decoded } from './encoding.ts';
import { type ByteCounter, counted, gunzipped } from './gunzip.ts';
import type { ByteSource } from './tick-batch.ts';

const mark = Buffer.from([0xef, 0xbb, 0xbf]);

export interface OpenedText {
  readonly chunks: AsyncIterable<Buffer>;
  /** The number of bytes read from the file. */
  readonly counter: ByteCounter;
}

/** A file as UTF-8 from a position on. The byte order mark is skipped and counted. */
export function openText(source: ByteSource, gzip: boolean, encoding: string, from: number): OpenedText {
  const counter: ByteCounter = { bytes: 0 };
  if (!gzip && encoding === 'utf-8') {
    return { chunks: counted(source, from, counter), counter };
  }
  const unpacked = gzip ? gunzipped(counted(source, 0, counter), source.size) : counted(source, 0, counter);
  const text = encoding === 'utf-8' ? unpacked : decoded(unpacked, encoding);
  return { chunks: behind(text, from), counter };
}

async function* behind(chunks: AsyncIterable<Buffer>, from: number): AsyncGenerator<Buffer> {
  let left = from;
  for await (const chunk of chunks) {
    if (left < chunk.length) yield left === 0 ? chunk : chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

export function startsWithMark(bytes: Buffer): boolean {
  return bytes.subarray(0, 3).equals(mark);
}
