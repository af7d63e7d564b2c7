import { createHash, type Hash } from 'node:crypto';

/** The checksums that tus clients may send with a chunk. */
export const checksumAlgorithms = ['sha1', 'sha256', 'md5'] as const;

/** The checksum of a request's bytes. */
export interface Checksum {
  readonly hash: Hash;
  readonly expected: Buffer;
}

/** Parses the header Upload-Checksum: an algorithm and a base64 value. Returns the reason when it is invalid. */
export function checksumOf(header: string): Checksum | { readonly problem: string } {
  const [name, value = '', ...more] = header.split(' ');
  const algorithm = checksumAlgorithms.find((each) => each === name);
  if (algorithm === undefined)
    return {
      problem: `Upload-Checksum: this server knows ${checksumAlgorithms.join(', ')}, not '${name.slice(0, 40)}'.`,
    };
  const hash = createHash(algorithm);
  const expected = Buffer.from(value, 'base64');
  if (more.length > 0 || expected.length !== hash.copy().digest().length)
    return { problem: `Upload-Checksum: ${algorithm} must be followed by a space and the checksum in base64.` };
  return { hash, expected };
}
