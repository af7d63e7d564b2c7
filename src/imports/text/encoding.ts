import { isUtf8 } from 'node:buffer';
import { Fault } from '../../engine/fault.ts';
import { unfinished } from './read-buffer.ts';

/** The canonical name of an encoding. Throws a fault for an unknown one. */
export function encodingNamed(name: string): string {
  try {
    return new TextDecoder(name).encoding;
  } catch {
    throw new Fault(
      'BAD_USER_INPUT',
      `There is no encoding ${name}: name one of the Encoding Standard, such as utf-8, utf-16le or windows-1252.`,
      ['input', 'encoding'],
    );
  }
}

/** Guesses the encoding of a file from its first bytes. */
export function guessEncoding(start: Buffer): string {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  // In UTF-16, each Latin letter has a zero byte beside it.
  const zeros = [0, 0];
  for (let at = 0; at < start.length; at++) if (start[at] === 0) zeros[at % 2]++;
  const half = start.length / 2;
  if (zeros[1] > half * 0.6 && zeros[0] < half * 0.1) return 'utf-16le';
  if (zeros[0] > half * 0.6 && zeros[1] < half * 0.1) return 'utf-16be';
  return isUtf8(start.subarray(0, start.length - unfinished(start, 0, start.length))) ? 'utf-8' : 'windows-1252';
}

/** Converts text of any encoding to UTF-8 and drops its byte order mark. */
export async function* decoded(chunks: AsyncIterable<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const forgiving = new TextDecoder(encoding);
  let line = 1;
  const decode = (chunk: Buffer, stream: boolean): Buffer => {
    try {
      return Buffer.from(decoder.decode(chunk, { stream }));
    } catch {
      const [before] = forgiving.decode(chunk).split('\ufffd');
      throw new Fault(
        'BAD_USER_INPUT',
        `This file cannot be read: line ${line + before.split('\n').length - 1} holds bytes that are not ${encoding}: name its encoding.`,
      );
    }
  };
  for await (const chunk of chunks) {
    const text = decode(chunk, true);
    yield text;
    for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) line++;
  }
  const end = decode(Buffer.alloc(0), false);
  if (end.length > 0) yield end;
}
