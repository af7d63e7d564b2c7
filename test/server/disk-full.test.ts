import { pbkdf2 } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { describeWithSmallDisk, mountSmallDisk } from '../support/small-disk.ts';
import { importsOf, offsetOf, patch, plainInput, someBytes, stored, tus } from '../support/uploads.ts';

let server: TestServer;
const { folder, remove } = scratch();

beforeAll(async () => {
  server = await startServer({ uploads: join(folder, 'uploads') });
});
afterAll(async () => {
  await server?.stop();
  remove();
});

const begin = (size: number) => server.app.arrival.createUpload({ filename: 'a.csv', size, input: plainInput });

describeWithSmallDisk('a disk of uploads that is full', () => {
  const full = scratch();
  let unmount: (() => void) | undefined;

  beforeAll(() => {
    unmount = mountSmallDisk(full.folder, 2);
  });
  afterAll(() => {
    unmount?.();
    full.remove();
  });

  it('is said, and the upload goes on when there is room', async () => {
    const small = await startServer({ uploads: join(full.folder, 'uploads'), databaseUrl: server.databaseUrl });
    const ballast = join(full.folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1_000_000));
    const { upload } = await begin(1_500_000);
    const bytes = someBytes(1_500_000);
    // Files are closed late where everything waits for the disk.
    let isOver = false;
    const busy = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (!isOver) await promisify(pbkdf2)('', '', 10_000, 64, 'sha512');
      }),
    );
    const answer = await patch(small.port, upload, 0, bytes);
    isOver = true;
    await busy;
    expect(answer.status).toBe(507);
    expect(answer.body).toMatch(/disk of the server is full.*go on when there is room/);
    const offset = await offsetOf(small.port, upload);
    expect(offset).toBeGreaterThan(500_000);
    rmSync(ballast);
    expect((await patch(small.port, upload, offset, bytes.subarray(offset))).status).toBe(204);
    expect(stored(join(full.folder, 'uploads'), upload).equals(bytes)).toBe(true);
    await small.stop();
  });
});

describe('a database whose disk is full', () => {
  const run = (statement: string) => server.app.database.query(statement, []);
  const fill = async () => {
    for (const table of ['uploads', 'imports'])
      await run(`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ${table} EXECUTE FUNCTION full_disk()`);
  };
  const makeRoom = async () => {
    for (const table of ['uploads', 'imports']) await run(`DROP TRIGGER full_disk ON ${table}`);
  };

  beforeAll(() =>
    run(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`),
  );

  it('is said, and the upload goes on when there is room', async () => {
    await fill();
    const refused = await tus(server.port, 'POST', '/uploads', { 'upload-length': 3 });
    expect([refused.status, refused.body]).toEqual([507, expect.stringMatching(/full.*when there is room/)]);
    await makeRoom();
    const { upload } = await begin(3);
    expect((await patch(server.port, upload, 0, 'a')).status).toBe(204);
    await fill();
    // The bytes are stored; that they are all cannot be written down.
    const last = await patch(server.port, upload, 1, 'bc');
    expect([last.status, last.body]).toEqual([507, expect.stringMatching(/full.*when there is room/)]);
    expect((await tus(server.port, 'HEAD', `/uploads/${upload}`)).status).toBe(423);
    await makeRoom();
    expect(await offsetOf(server.port, upload)).toBe(3);
    expect((await importsOf(server.app)).find((each) => each.upload === upload)).toMatchObject({ status: 'QUEUED' });
  });
});
