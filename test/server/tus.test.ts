import { createHash } from 'node:crypto';
import { utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresBell } from '../../src/bell/postgres.ts';
import { readConfig } from '../../src/config.ts';
import { dropExpiredUploads } from '../../src/imports/upload-retention.ts';
import { apiServer } from '../../src/run/api.ts';
import { openLog } from '../../src/run/log.ts';
import { globalId } from '../../src/schema/ids.ts';
import { scratch, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  filesIn,
  importOf,
  importsOf,
  metadata,
  offsetOf,
  patch,
  plainInput,
  sha256,
  someBytes,
  stored,
  tus,
} from '../support/uploads.ts';

const { folder, remove } = scratch();
const uploads = join(folder, 'uploads');
let server: TestServer;
let other: TestServer;

beforeAll(async () => {
  server = await startServer({ uploads, uploadBytesMax: 1_000_000_000 });
  other = await startServer({ uploads, uploadBytesMax: 1_000_000_000, databaseUrl: server.databaseUrl });
});
afterAll(async () => {
  await other?.stop();
  await server?.stop();
  remove();
});

const begin = (size: number, more: { sha256?: string; input?: typeof plainInput & { note?: string } } = {}) =>
  server.app.arrival.createUpload({ filename: 'a.csv', size, input: plainInput, ...more });

async function created(headers: Record<string, string | number>, body?: Buffer) {
  const answer = await tus(server.port, 'POST', '/uploads', headers, body);
  const location = String(answer.headers.location);
  return { ...answer, id: location.split('/').at(-1) ?? '' };
}

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

/** Sends the begin of a chunk, and cuts the connection when the bytes lie in the folder. */
async function cutPatch(
  upload: string,
  offset: number,
  bytes: number,
  headers: Record<string, string> = {},
): Promise<void> {
  const sent = open(upload, offset, 900_000, headers);
  sent.write(Buffer.alloc(bytes));
  await until(() => filesIn(uploads).includes(upload) && stored(uploads, upload).length === offset + bytes);
  sent.destroy();
}

function open(
  upload: string,
  offset: number,
  length: number,
  headers: Record<string, string> = {},
  port = server.port,
) {
  const sent = request({
    host: '127.0.0.1',
    port,
    path: `/uploads/${upload}`,
    method: 'PATCH',
    headers: {
      'tus-resumable': '1.0.0',
      'content-type': 'application/offset+octet-stream',
      'content-length': length,
      'upload-offset': offset,
      ...headers,
    },
  });
  sent.on('error', () => undefined);
  return sent;
}

describe('what fails on the way', () => {
  it('bytes that came before a cut stay', async () => {
    const { upload } = await begin(900_000);
    await cutPatch(upload, 0, 123_456);
    expect(await offsetOf(server.port, upload)).toBe(123_456);
  });

  it.each([
    ['the same process', () => server.port],
    ['another process', () => other.port],
  ])('a client that comes back to %s while its old connection is half dead goes on', async (_, portOf) => {
    const { upload } = await begin(900_000);
    const dead = open(upload, 0, 900_000);
    dead.write(Buffer.alloc(100_000, 1));
    await until(() => filesIn(uploads).includes(upload) && stored(uploads, upload).length === 100_000);
    expect(await offsetOf(portOf(), upload)).toBe(100_000);
    expect((await patch(portOf(), upload, 100_000, Buffer.alloc(800_000, 2))).status).toBe(204);
    const bytes = stored(uploads, upload);
    expect(bytes.equals(Buffer.concat([Buffer.alloc(100_000, 1), Buffer.alloc(800_000, 2)]))).toBe(true);
    dead.destroy();
  });

  it('of two that send the same chunk at once one wins, and nothing is mixed', async () => {
    for (let round = 0; round < 5; round++) {
      const { upload } = await begin(1_000_000);
      const fills = [1, 2, 3, 4];
      const answers = await Promise.all(
        fills.map((fill) =>
          patch([server, other][fill % 2].port, upload, 0, Buffer.alloc(1_000_000, fill)).catch(() => undefined),
        ),
      );
      for (const answer of answers) expect([204, 409, 423, undefined]).toContain(answer?.status);
      // On a busy machine the one that won may have been asked to end before all of it was here.
      const offset = await offsetOf(server.port, upload);
      const [fill] = stored(uploads, upload);
      expect(answers.filter((answer) => Number(answer?.headers['upload-offset'] ?? 0) > 0).length).toBeLessThanOrEqual(
        1,
      );
      if (offset < 1_000_000) await patch(server.port, upload, offset, Buffer.alloc(1_000_000 - offset, fill));
      expect(stored(uploads, upload).equals(Buffer.alloc(1_000_000, fill))).toBe(true);
      expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED', version: 1 });
    }
  });

  it('many who want one upload at once leave nothing behind', async () => {
    const warnings: string[] = [];
    const listen = ({ message }: Error) => warnings.push(message);
    process.on('warning', listen);
    const { upload } = await begin(100_000);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => patch(server.port, upload, 0, Buffer.alloc(100_000)).catch(() => undefined)),
    );
    process.off('warning', listen);
    for (const answer of answers) expect([204, 409, 423, undefined]).toContain(answer?.status);
    expect(warnings).toEqual([]);
  });

  it('who holds a lock whose connection is lost is cut off; what came stays, and it goes on', async () => {
    const { upload } = await begin(900_000);
    const sent = open(upload, 0, 900_000);
    const ended = new Promise<void>((resolve) => sent.once('close', resolve));
    sent.write(Buffer.alloc(100_000));
    await until(() => filesIn(uploads).includes(upload) && stored(uploads, upload).length === 100_000);
    await server.app.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark uploads' AND datname = current_database()`,
    );
    await ended;
    // The other one has lost its connection, too.
    const asked = () => offsetOf(other.port, upload).catch(() => undefined);
    await until(async () => (await asked()) === 100_000);
    expect((await patch(server.port, upload, 100_000, Buffer.alloc(800_000))).status).toBe(204);
  });

  it('an upload whose last byte came, and nobody was told, is finished by whoever asks; finishing twice does it once', async () => {
    const { upload } = await begin(3);
    await server.app.arrival.bytes.write(upload, 0, Readable.from([Buffer.from('abc')]));
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'UPLOADING' });
    expect(await offsetOf(server.port, upload)).toBe(3);
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED' });
    const { arrival } = server.app;
    await Promise.all([0, 1, 2, 3, 4, 5].map((i) => (i % 2 ? arrival : other.app.arrival).finished(upload)));
    expect(await offsetOf(other.port, upload)).toBe(3);
    expect(await importOf(server.app, upload)).toMatchObject({ status: 'QUEUED', version: 1 });
  });
});

it('whoever asks where an upload stands of a server that cannot say is told to ask again, not that it is over', async () => {
  const config = { ...readConfig(new Map(), {}), port: 0 };
  const starting = apiServer(config, openLog(config), async () => false);
  const port = await starting.listen();
  const { upload } = await begin(3);
  expect((await tus(port, 'HEAD', `/uploads/${upload}`)).status).toBe(423);
  expect((await patch(port, upload, 0, 'abc')).status).toBe(503);
  await starting.drain();
});

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
