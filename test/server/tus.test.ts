import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { globalId } from '../../src/schema/ids.ts';
import { until } from '../support/program.ts';
import {
  filesIn,
  importOf,
  importsOf,
  metadata,
  offsetOf,
  patch,
  sha256,
  someBytes,
  stored,
  tus,
} from '../support/uploads.ts';

import { begin, created, cutPatch, other, server, serveUploads, uploads } from './tus-harness.ts';

serveUploads();

describe('the protocol', () => {
  it('says what it knows', async () => {
    const { status, headers } = await tus(server.port, 'OPTIONS', '/uploads');
    expect(status).toBe(204);
    expect(headers['tus-version']).toBe('1.0.0');
    expect(headers['tus-max-size']).toBe('1000000000');
    expect(headers['tus-checksum-algorithm']).toBe('sha1,sha256,md5');
    expect(String(headers['tus-extension']).split(',')).toEqual([
      'creation',
      'creation-with-upload',
      'creation-defer-length',
      'termination',
      'expiration',
      'checksum',
    ]);
  });

  it('a client that knows nothing but tus makes an import', async () => {
    const bytes = someBytes(100_000);
    const input = { series: 'BTC-USD', createMissing: true, columns: [{ column: 'when', role: 'T' }] };
    const { status, headers, id } = await created({
      'upload-length': bytes.length,
      'upload-metadata': metadata({
        filename: '../../prices.csv',
        sha256: sha256(bytes),
        import: JSON.stringify(input),
      }),
    });
    expect(status).toBe(201);
    expect(headers.location).toBe(`uploads/${id}`);
    expect(headers['upload-expires']).toBeDefined();
    expect(await importOf(server.app, id)).toMatchObject({ status: 'UPLOADING' });
    const named = globalId('Import', (await importOf(server.app, id)).id);
    expect(headers['tidemark-import']).toBe(named);
    expect(headers['access-control-expose-headers']).toContain('Tidemark-Import');
    expect((await tus(other.port, 'HEAD', `/uploads/${id}`)).headers['tidemark-import']).toBe(named);
    expect((await patch(server.port, id, 0, bytes.subarray(0, 60_000))).headers['upload-offset']).toBe('60000');
    expect(await offsetOf(other.port, id)).toBe(60_000);
    expect((await patch(other.port, id, 60_000, bytes.subarray(60_000))).status).toBe(204);
    expect(await importOf(server.app, id)).toMatchObject({ status: 'QUEUED', version: 1 });
    expect(stored(uploads, id).equals(bytes)).toBe(true);
    const row = await server.app.arrival.upload(id);
    expect(row).toMatchObject({ filename: 'prices.csv', size: 100_000, sha256: sha256(bytes), isComplete: true });
    expect(row?.input).toMatchObject({ ...input, partial: false, previewOnly: false });
  });

  it('a place is relative to the address that was asked, behind whatever proxy', async () => {
    const { headers } = await tus(server.port, 'POST', '/uploads/', { 'upload-length': 1 });
    expect(headers.location).toMatch(/^[0-9a-f-]{36}$/);
    const { headers: forwarded } = await created({
      'upload-length': 1,
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
    });
    expect(forwarded.location).toMatch(/^uploads\//);
  });

  it('bytes can come with the creation, and the length after it', async () => {
    const bytes = someBytes(5_000);
    const type = { 'content-type': 'application/offset+octet-stream', 'content-length': bytes.length };
    const whole = await created({ 'upload-length': bytes.length, ...type }, bytes);
    expect(whole.headers['upload-offset']).toBe('5000');
    expect(await importOf(server.app, whole.id)).toMatchObject({ status: 'QUEUED' });
    const deferred = await created({ 'upload-defer-length': 1 });
    await patch(server.port, deferred.id, 0, bytes.subarray(0, 1_000));
    expect(await importOf(server.app, deferred.id)).toMatchObject({ status: 'UPLOADING' });
    await patch(server.port, deferred.id, 1_000, bytes.subarray(1_000), { 'upload-length': '5000' });
    expect(await importOf(server.app, deferred.id)).toMatchObject({ status: 'QUEUED' });
    const empty = await created({ 'upload-length': 0 });
    expect(await importOf(server.app, empty.id)).toMatchObject({ status: 'QUEUED' });
  });

  it('what is wrong is said', async () => {
    const answers = {
      hash: await created({ 'upload-length': 1, 'upload-metadata': metadata({ sha256: 'abc' }) }),
      json: await created({ 'upload-length': 1, 'upload-metadata': metadata({ import: '{' }) }),
      field: await created({ 'upload-length': 1, 'upload-metadata': metadata({ import: '{"colums":[]}' }) }),
      role: await created({
        'upload-length': 1,
        'upload-metadata': metadata({ import: '{"columns":[{"column":"a","role":"TIME"}]}' }),
      }),
      base64: await created({ 'upload-length': 1, 'upload-metadata': 'filename ???' }),
      large: await created({ 'upload-length': 1_000_000_001 }),
      id: await tus(server.port, 'HEAD', '/uploads/../../etc/passwd'),
      encoded: await tus(server.port, 'HEAD', '/uploads/..%2F..%2Fetc%2Fpasswd'),
      unknown: await patch(server.port, '00000000-0000-4000-8000-000000000000', 0, 'a'),
      read: await tus(server.port, 'GET', '/uploads/00000000-0000-4000-8000-000000000000'),
      version: await tus(server.port, 'POST', '/uploads', { 'tus-resumable': '0.2.0' }),
    };
    const seen = Object.fromEntries(
      Object.entries(answers).map(([name, { status, body }]) => [name, `${status} ${body.slice(0, 90)}`]),
    );
    expect(seen).toMatchObject({
      hash: expect.stringMatching(/^400 Upload-Metadata: sha256 is the SHA-256/),
      json: expect.stringMatching(/^400 Upload-Metadata: import is not JSON/),
      field: expect.stringMatching(/^400 Upload-Metadata: import has no field 'colums'/),
      role: expect.stringMatching(/^400 Upload-Metadata: role must be one of SERIES, T, VALUE, SIZE, IGNORE/),
      base64: expect.stringMatching(/^400 /),
      large: expect.stringMatching(/^413 A file has at most 1 GB \(UPLOAD_GB_MAX\)/),
      id: expect.stringMatching(/^404 /),
      encoded: expect.stringMatching(/^404 /),
      unknown: expect.stringMatching(/^404 /),
      read: expect.stringMatching(/^405 /),
      version: expect.stringMatching(/^412|^400 /),
    });
  });

  it('an import in metadata keeps to the rules of the API', async () => {
    const cases: [object, string][] = [
      [{ note: 'a\ud800' }, 'import.note: This holds a character that no text can hold.'],
      [{ delimiter: ';;' }, 'import.delimiter: The delimiter is one character'],
      [{ delimiter: ';', quote: ';' }, 'import.quote: The delimiter and the quote cannot be the same'],
      [{ encoding: 'klingon' }, "import.encoding: There is no encoding 'klingon'"],
      [{ timeZone: 'Mars/Base' }, "import.timeZone: There is no time zone 'Mars/Base'"],
      [{ series: 'a b' }, 'import.series: This cannot be a series'],
      [
        {
          columns: [
            { column: 'a', role: 'T' },
            { column: 'a', role: 'VALUE' },
          ],
        },
        "import.columns.1.column: The column 'a' is named twice",
      ],
    ];
    const before = (await importsOf(server.app)).length;
    for (const [input, said] of cases) {
      const { status, body } = await created({
        'upload-length': 1,
        'upload-metadata': metadata({ import: JSON.stringify(input) }),
      });
      expect([status, body]).toEqual([400, expect.stringContaining(`Upload-Metadata: ${said}`)]);
    }
    expect(await importsOf(server.app)).toHaveLength(before);
  });

  it('PATCH and DELETE may come as a POST that says so', async () => {
    const { upload } = await begin(10);
    const send = (method: string, headers: Record<string, string>, body?: string) =>
      tus(server.port, 'POST', `/uploads/${upload}`, { 'x-http-method-override': method, ...headers }, body);
    const type = 'application/offset+octet-stream';
    const sent = await send('PATCH', { 'content-type': type, 'upload-offset': '0' }, 'abcd');
    expect([sent.status, sent.headers['upload-offset']]).toEqual([204, '4']);
    expect((await send('DELETE', {})).status).toBe(204);
    expect((await tus(server.port, 'HEAD', `/uploads/${upload}`)).status).toBe(410);
  });

  it('bytes beyond the size are refused, and those at a wrong place', async () => {
    const { upload } = await begin(10);
    expect((await patch(server.port, upload, 0, 'x'.repeat(11))).status).toBe(413);
    expect((await patch(server.port, upload, 3, 'abc')).status).toBe(409);
    expect(await offsetOf(server.port, upload)).toBe(0);
  });

  it('a deleted upload is gone, its import is not; a complete one cannot be deleted', async () => {
    const { upload } = await begin(10);
    await patch(server.port, upload, 0, 'abc');
    expect((await tus(server.port, 'DELETE', `/uploads/${upload}`)).status).toBe(204);
    expect((await tus(server.port, 'HEAD', `/uploads/${upload}`)).status).toBe(410);
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'CANCELLED' });
    expect(filesIn(uploads)).not.toContain(upload);
    const whole = await begin(3);
    await patch(server.port, whole.upload, 0, 'abc');
    expect((await tus(server.port, 'DELETE', `/uploads/${whole.upload}`)).status).toBe(400);
    expect(stored(uploads, whole.upload).toString()).toBe('abc');
  });

  it('nothing more is taken for an import that was cancelled', async () => {
    const { upload, import: id } = await begin(10);
    await server.app.database.query(`UPDATE imports SET status = 'CANCELLED' WHERE id = $1`, [id]);
    expect((await patch(server.port, upload, 0, 'abc')).status).toBe(410);
  });

  it('what is being sent when its import is cancelled is not taken to its end', async () => {
    const size = 100_000_000;
    const { upload, import: id } = await begin(size);
    const sending = request({
      host: '127.0.0.1',
      port: server.port,
      method: 'PATCH',
      path: `/uploads/${upload}`,
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': 0,
        'content-length': size,
        'content-type': 'application/offset+octet-stream',
      },
    });
    let status: number | undefined;
    sending.on('response', ({ statusCode }) => {
      status = statusCode;
    });
    sending.on('error', () => undefined);
    sending.write(someBytes(1_000));
    await until(() => filesIn(uploads).includes(upload) && stored(uploads, upload).length === 1_000);
    // Another process hears of it.
    await other.app.imports.cancel(id);
    await until(() => {
      if (status === undefined) sending.write(someBytes(10));
      return status !== undefined;
    });
    expect(status).toBe(410);
    expect(stored(uploads, upload).length).toBeLessThan(size);
    sending.destroy();
  });

  it('pages of allowed origins may ask and read the answers, others not', async () => {
    const headers = {
      origin: 'http://localhost:3000',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'upload-checksum',
    };
    const preflight = await tus(server.port, 'OPTIONS', '/uploads', headers);
    expect(preflight.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    expect(preflight.headers['access-control-allow-methods']).toContain('PATCH');
    expect(preflight.headers['access-control-allow-headers']).toMatch(/Upload-Offset.*Upload-Checksum/);
    const answer = await tus(server.port, 'POST', '/uploads', { origin: 'http://localhost:3000', 'upload-length': 1 });
    expect(answer.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    expect(answer.headers['access-control-expose-headers']).toMatch(/Location.*Upload-Offset.*Upload-Expires/);
    const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { host: 'evil.example' }];
    for (const wrong of foreign) {
      expect((await tus(server.port, 'POST', '/uploads', { 'upload-length': 1, ...wrong })).status).toBe(403);
    }
  });
});

describe('checksums', () => {
  const of = (algorithm: string, bytes: Buffer) => ({
    'upload-checksum': `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`,
  });

  it('a chunk that matches is kept, one that does not is discarded', async () => {
    const bytes = someBytes(30_000);
    const { upload } = await begin(bytes.length);
    for (const [i, algorithm] of ['sha1', 'sha256', 'md5'].entries()) {
      const chunk = bytes.subarray(i * 10_000, (i + 1) * 10_000);
      const wrong = await patch(server.port, upload, i * 10_000, someBytes(10_000), of(algorithm, chunk));
      expect(wrong.status).toBe(460);
      expect(await offsetOf(server.port, upload)).toBe(i * 10_000);
      expect(stored(uploads, upload).length).toBe(i * 10_000);
      expect((await patch(server.port, upload, i * 10_000, chunk, of(algorithm, chunk))).status).toBe(204);
    }
    expect(stored(uploads, upload).equals(bytes)).toBe(true);
    expect(filesIn(uploads).filter((name) => name.includes('unchecked'))).toEqual([]);
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED' });
  });

  it('the last chunk does not finish a file that it does not match', async () => {
    const { upload } = await begin(3);
    expect((await patch(server.port, upload, 0, 'abd', of('sha1', Buffer.from('abc')))).status).toBe(460);
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'UPLOADING' });
  });

  it('an algorithm that nobody knows, and what is no checksum, are refused', async () => {
    const { upload } = await begin(3);
    for (const header of ['crc32 AAAA', 'sha1', 'sha1 AAAA', 'sha256', ''])
      expect((await patch(server.port, upload, 0, 'abc', { 'upload-checksum': header })).status).toBe(400);
    expect(await offsetOf(server.port, upload)).toBe(0);
  });

  it('a chunk in which the process was killed is discarded by whoever asks next', async () => {
    const { upload } = await begin(10);
    await patch(server.port, upload, 0, 'abcdef');
    writeFileSync(join(uploads, `${upload}.unchecked`), '3');
    expect(await server.app.arrival.bytes.offset(upload)).toBe(3);
    expect(await offsetOf(other.port, upload)).toBe(3);
    expect(stored(uploads, upload).toString()).toBe('abc');
    expect(filesIn(uploads)).not.toContain(`${upload}.unchecked`);
  });

  it('a chunk that is cut off before its end is discarded', async () => {
    const { upload } = await begin(1_000_000);
    await patch(server.port, upload, 0, 'abc');
    await cutPatch(upload, 3, 500_000, of('sha1', Buffer.alloc(900_000)));
    expect(await offsetOf(server.port, upload)).toBe(3);
    expect(stored(uploads, upload).length).toBe(3);
  });
});
