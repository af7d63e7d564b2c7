import { Fault } from '../../engine/fault.ts';
import type { ImportInput } from '../import-input.ts';
import { encodingNamed, guessEncoding } from './encoding.ts';
import { counted, gunzipped, isGzip } from './gunzip.ts';
import { openText, startsWithMark } from './open-text.ts';
import type { ByteSource } from './tick-batch.ts';

const sampleBytes = 262_144;

/** The first bytes of a file. */
export interface FileSample {
  readonly gzip: boolean;
  readonly encoding: string;
  /** The text as UTF-8, followed by one line feed that is not part of it. */
  readonly bytes: Buffer;
  readonly length: number;
  /** True when the sample is the whole file. */
  readonly whole: boolean;
}

/** The first bytes of common files that are not text, with a description. */
const others: readonly (readonly [string, string])[] = [
  ['504b0304', 'an Excel workbook or another ZIP archive'],
  ['d0cf11e0', 'an old Excel workbook'],
  ['50415231', 'a Parquet file'],
  ['25504446', 'a PDF'],
  ['28b52ffd', 'packed with zstd'],
  ['fd377a58', 'packed with xz'],
  ['425a68', 'packed with bzip2'],
  ['1f8b08', 'packed with gzip more than once'],
  ['89504e47', 'an image'],
  ['ffd8ff', 'an image'],
  ['47494638', 'an image'],
  ['3c21444f', 'a web page'],
  ['3c21646f', 'a web page'],
  ['3c68746d', 'a web page'],
  ['3c48544d', 'a web page'],
  ['3c3f786d', 'XML'],
];

export async function readSample(source: ByteSource, input: ImportInput): Promise<FileSample> {
  const [packed] = await firstOf(source.read(0), 4);
  const gzip = isGzip(packed);
  const raw = gzip ? gunzipped(counted(source, 0, { bytes: 0 }), source.size) : source.read(0);
  const [start] = await firstOf(raw, sampleBytes);
  if (start.length === 0) throw new Fault('BAD_USER_INPUT', 'This file is empty.');
  const other = others.find(([bytes]) => start.toString('hex', 0, 4).startsWith(bytes));
  if (other)
    throw new Fault('BAD_USER_INPUT', `This is ${other[1]}: send CSV or NDJSON, as it is or packed with gzip.`);
  const encoding = input.encoding === undefined ? guessEncoding(start) : encodingNamed(input.encoding);
  const [text, whole] = await firstOf(openText(source, gzip, encoding, 0).chunks, sampleBytes);
  const bytes = startsWithMark(text) ? text.subarray(3) : text;
  if (bytes.includes(0)) {
    throw new Fault(
      'BAD_USER_INPUT',
      `This file is not text in ${encoding}: send CSV or NDJSON, or name its encoding.`,
    );
  }
  return { gzip, encoding, bytes: Buffer.concat([bytes, Buffer.from('\n')]), length: bytes.length, whole };
}

/** Reads up to `length` bytes, and tells whether the source has ended. */
async function firstOf(chunks: AsyncIterable<Buffer>, bytes: number): Promise<readonly [Buffer, boolean]> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > bytes) return [Buffer.concat(parts).subarray(0, bytes), false];
  }
  return [Buffer.concat(parts), true];
}
