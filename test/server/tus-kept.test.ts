import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { postgresBell } from '../../src/bell/postgres.ts';
import { dropExpiredUploads } from '../../src/imports/upload-retention.ts';
import { filesIn, importOf, importsOf, patch, plainInput, sha256, someBytes } from '../support/uploads.ts';

import { begin, other, server, serveUploads, uploads } from './tus-harness.ts';

serveUploads();

describe('what is here already', () => {
  it('is recognized before a byte is sent', async () => {
    const bytes = someBytes(1_000);
    const given = { sha256: sha256(bytes) };
    const first = await begin(1_000, given);
    expect(first.offset).toBe(0);
    await patch(server.port, first.upload, 0, bytes.subarray(0, 400));
    expect(await begin(1_000, given)).toEqual({ ...first, offset: 400 });
    // Another way to read the same bytes is another import.
    const preview = { ...given, input: { ...plainInput, previewOnly: true } };
    expect((await begin(1_000, preview)).upload).not.toBe(first.upload);
    await patch(server.port, first.upload, 400, bytes.subarray(400));
    expect(await begin(1_000, given)).toEqual({ ...first, offset: 1_000 });
    expect(await begin(1_000, { ...given, input: { ...plainInput, note: 'again' } })).toEqual({
      ...first,
      offset: 1_000,
    });
    // A worker has found the hash.
    await server.app.database.query('UPDATE uploads SET sha256 = claimed_sha256 WHERE id = $1', [first.upload]);
    const partial = await begin(1_000, { ...given, input: { ...plainInput, partial: true } });
    expect(partial).toMatchObject({ upload: first.upload, offset: 1_000 });
    expect(partial.import).not.toBe(first.import);
    expect((await importsOf(server.app)).find(({ id }) => id === partial.import)).toMatchObject({ status: 'QUEUED' });
    await server.app.database.query(`UPDATE imports SET status = 'UNDONE' WHERE id = $1`, [first.import]);
    const again = await begin(1_000, given);
    expect(again).toMatchObject({ upload: first.upload, offset: 1_000 });
    expect(again.import).toBeGreaterThan(partial.import);
  });

  it('of an empty file nothing is awaited, whether it is recognized or not', async () => {
    const empty = { sha256: sha256('') };
    for (const { upload, offset } of [await begin(0), await begin(0, empty), await begin(0, empty)]) {
      expect(offset).toBe(0);
      expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED', version: 1 });
    }
  });

  it('two that begin the same at the same moment send it once', async () => {
    const given = { filename: 'a.csv', size: 7, sha256: sha256('abcdefg'), input: plainInput };
    const begun = await Promise.all(
      Array.from({ length: 8 }, (_, i) => [server, other][i % 2].app.arrival.createUpload(given)),
    );
    expect(new Set(begun.map(({ import: id }) => id)).size).toBe(1);
  });

  it('bytes that the folder has lost are sent again', async () => {
    const bytes = Buffer.from('lost bytes');
    const given = { sha256: sha256(bytes) };
    const first = await begin(bytes.length, given);
    await patch(server.port, first.upload, 0, bytes);
    await server.app.database.query(`UPDATE uploads SET sha256 = claimed_sha256 WHERE id = $1`, [first.upload]);
    await server.app.database.query(`UPDATE imports SET status = 'FAILED' WHERE id = $1`, [first.import]);
    await server.app.arrival.bytes.remove(first.upload);
    expect(await begin(bytes.length, given)).toMatchObject({ offset: 0 });
  });
});

describe('retention', () => {
  const sweep = async (options = { expiryHours: 24, days: 30 }) => {
    const bell = postgresBell(server.databaseUrl, { storeId: 1, log: () => undefined });
    await dropExpiredUploads(server.app.database, bell, server.app.arrival.bytes, options);
    await bell.stop();
  };
  const age = async (upload: string, hours: number) => {
    await server.app.database.query(
      `UPDATE uploads SET created_at = created_at - make_interval(hours => $2), complete_at = complete_at - make_interval(hours => $2) WHERE id = $1`,
      [upload, hours],
    );
    await server.app.database.query(
      `UPDATE imports SET created_at = created_at - make_interval(hours => $2), ended_at = ended_at - make_interval(hours => $2) WHERE upload = $1`,
      [upload, hours],
    );
    const then = new Date(Date.now() - hours * 3_600_000);
    if (filesIn(uploads).includes(upload)) utimesSync(join(uploads, upload), then, then);
  };

  it('an upload that nothing comes of is given up; one that goes on is not, however old', async () => {
    const [silent, slow] = [await begin(10), await begin(10)];
    for (const { upload } of [silent, slow]) {
      await patch(server.port, upload, 0, 'abc');
      await age(upload, 25);
    }
    expect((await patch(server.port, silent.upload, 3, 'd')).status).toBe(410);
    utimesSync(join(uploads, slow.upload), new Date(), new Date());
    await sweep();
    expect(filesIn(uploads)).not.toContain(silent.upload);
    expect(await importOf(server.app, silent.upload)).toMatchObject({
      status: 'FAILED',
      problem: expect.stringContaining('24 hours'),
    });
    expect((await patch(server.port, slow.upload, 3, 'defghij')).status).toBe(204);
    expect(await importOf(server.app, slow.upload)).toMatchObject({ status: 'QUEUED' });
  });

  it('bytes go some time after their last import has ended; the imports stay', async () => {
    const ended = await begin(3);
    const working = await begin(3);
    for (const { upload } of [ended, working]) await patch(server.port, upload, 0, 'abc');
    await server.app.database.query(`UPDATE imports SET status = 'DONE', ended_at = now() WHERE id = $1`, [
      ended.import,
    ]);
    await age(ended.upload, 29 * 24);
    await age(working.upload, 31 * 24);
    await sweep();
    expect(filesIn(uploads)).toContain(ended.upload);
    await age(ended.upload, 2 * 24);
    await sweep();
    expect(filesIn(uploads)).not.toContain(ended.upload);
    expect(filesIn(uploads)).toContain(working.upload);
    expect(await importOf(server.app, ended.upload)).toMatchObject({ status: 'DONE' });
  });

  it('what was sent to its end with nobody there to say so is finished', async () => {
    const { upload } = await begin(3);
    await server.app.arrival.bytes.write(upload, 0, Readable.from([Buffer.from('abc')]));
    await sweep();
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED', version: 1 });
  });

  it('what lies in the folder and nobody knows is left alone for an hour', async () => {
    const unknown = '11111111-1111-4111-8111-111111111111';
    await server.app.arrival.bytes.write(unknown, 0, Readable.from([Buffer.from('abc')]));
    await sweep();
    expect(filesIn(uploads)).toContain(unknown);
    await age(unknown, 2);
    await sweep();
    expect(filesIn(uploads)).not.toContain(unknown);
  });
});
