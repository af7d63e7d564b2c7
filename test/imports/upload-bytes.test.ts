import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { ImportInput } from '../../src/imports/import-input.ts';
import { UploadBytes } from '../../src/imports/upload-bytes.ts';
import { workIdentity } from '../../src/imports/work-identity.ts';
import { scratch } from '../support/program.ts';

const { folder, remove } = scratch();
afterAll(remove);

const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

async function* failing(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
  throw new Error('cut off');
}

async function readAll(bytes: UploadBytes, id: string, size: number, from = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes.source(id, 'a', size).read(from)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('the bytes of an upload', () => {
  const chunk = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
  const step = fc.record({
    chunk,
    kind: fc.constantFrom('write', 'cut', 'right', 'wrong', 'cut while unchecked', 'killed while unchecked'),
  });
  let uploads = 0;

  it('are what was written and approved of, whatever failed in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const bytes = new UploadBytes(join(folder, 'property'));
        const id = idOf(++uploads);
        let model = Buffer.alloc(0);
        for (const { kind, chunk } of steps) {
          const from = await bytes.settle(id);
          expect(from).toBe(model.length);
          if (kind === 'write') await bytes.write(id, from, Readable.from([chunk]));
          else if (kind === 'cut') await bytes.write(id, from, failing(chunk)).catch(() => undefined);
          else if (kind === 'cut while unchecked')
            await bytes.writeChecked(id, from, failing(chunk), () => true).catch(() => undefined);
          else if (kind === 'killed while unchecked') {
            await bytes.write(id, from, Readable.from([chunk]));
            writeFileSync(join(bytes.folder, `${id}.unchecked`), String(from));
          } else {
            const offset = await bytes.writeChecked(id, from, Readable.from([chunk]), () => kind === 'right');
            expect(offset).toBe(kind === 'right' ? from + chunk.length : undefined);
          }
          if (kind === 'write' || kind === 'cut' || kind === 'right') model = Buffer.concat([model, chunk]);
          expect(await bytes.offset(id)).toBe(model.length);
        }
        await bytes.settle(id);
        expect((await readAll(bytes, id, model.length)).equals(model)).toBe(true);
        const middle = model.length >> 1;
        expect((await readAll(bytes, id, model.length, middle)).equals(model.subarray(middle))).toBe(true);
        await bytes.remove(id);
        expect(await bytes.all()).not.toContain(id);
      }),
    );
  });

  it('nothing but the id of an upload names a file', async () => {
    const bytes = new UploadBytes(folder);
    for (const id of ['../x', '', idOf(1).toUpperCase().replace('0', 'A'), `${idOf(1)}/../y`])
      await expect(bytes.write(id, 0, Readable.from([Buffer.from('a')]))).rejects.toThrow('not the id of an upload');
  });
});

describe('the name of a piece of work', () => {
  const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
  const input: fc.Arbitrary<ImportInput> = fc.record({
    series: maybe(fc.constantFrom('A', 'B')),
    format: maybe(fc.constantFrom('CSV' as const, 'NDJSON' as const)),
    header: maybe(fc.boolean()),
    timeZone: maybe(fc.constantFrom('UTC', 'Europe/Berlin')),
    columns: maybe(
      fc.array(
        fc.record({ column: fc.constantFrom('a', 'b'), role: fc.constantFrom('T' as const, 'VALUE' as const) }),
        { maxLength: 2 },
      ),
    ),
    createMissing: fc.boolean(),
    partial: fc.boolean(),
    previewOnly: fc.boolean(),
  });
  const hash = 'ab'.repeat(32);
  const plain = (given: ImportInput) =>
    JSON.stringify(
      Object.entries(given)
        .filter(([, value]) => value !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );

  it('is the same where the bytes and all that matters are, and only there', () => {
    fc.assert(
      fc.property(input, input, fc.string(), (a, b, note) => {
        const shuffled = Object.fromEntries(Object.entries(a).reverse()) as unknown as ImportInput;
        expect(workIdentity(hash.toUpperCase(), { ...shuffled, note })).toBe(workIdentity(hash, a));
        // As it comes back from the database.
        expect(workIdentity(hash, JSON.parse(JSON.stringify(a)))).toBe(workIdentity(hash, a));
        expect(workIdentity(hash, a) === workIdentity(hash, b)).toBe(plain(a) === plain(b));
        expect(workIdentity('cd'.repeat(32), a)).not.toBe(workIdentity(hash, a));
      }),
    );
  });
});
