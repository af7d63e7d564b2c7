import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import fc from 'fast-check';
import Papa from 'papaparse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendDownload, textCell } from '../../src/server/download.ts';
import { ask, ingest, remove } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ slowMillis: 1_000 });
});
afterAll(() => server?.stop());

async function fetched(path: string, headers: Record<string, string> = {}, port = server.port) {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    get({ host: '127.0.0.1', port, path, headers }, resolve).on('error', reject),
  );
  response.setEncoding('utf8');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, headers: response.headers, body };
}

const t = Date.parse('2026-01-05T09:30:00Z');

describe('a series', () => {
  it('is given as CSV and NDJSON, of a range, at a revision', async () => {
    await ingest(server.url, [
      { series: 'A', t, value: 1.5, size: 2 },
      { series: 'A', t: t + 0.001, value: -1e-7 },
      { series: 'A', t: t + 1_000, value: 1e21 },
    ]);
    const before = await server.revision();
    await ingest(server.url, [{ series: 'A', t, value: 7 }]);
    await remove(server.url, { series: 'A', at: [t + 1_000] });
    const now = await fetched('/export/A.csv');
    expect(now.body).toBe('t,value,size\n2026-01-05T09:30:00Z,7,\n2026-01-05T09:30:00.000001Z,-1e-7,\n');
    expect(now.headers).toMatchObject({
      'content-type': expect.stringContaining('text/csv'),
      'content-disposition': `attachment; filename="A.csv"; filename*=UTF-8''A.csv`,
      'x-content-type-options': 'nosniff',
    });
    expect((await fetched(`/export/A.csv?asOf=${before}`)).body).toBe(
      't,value,size\n2026-01-05T09:30:00Z,1.5,2\n2026-01-05T09:30:00.000001Z,-1e-7,\n2026-01-05T09:30:01Z,1e+21,\n',
    );
    const lines = (await fetched(`/export/A.ndjson?asOf=${before}&from=${t}&to=2026-01-05T10:30:01+01:00`)).body;
    expect(
      lines
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { t: '2026-01-05T09:30:00Z', value: 1.5, size: 2 },
      { t: '2026-01-05T09:30:00.000001Z', value: -1e-7 },
    ]);
    const head = await fetch(`http://127.0.0.1:${server.port}/export/A.csv`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-disposition'), await head.text()]).toEqual([
      200,
      now.headers['content-disposition'],
      '',
    ]);
    expect((await fetch(`http://127.0.0.1:${server.port}/export/B.csv`, { method: 'HEAD' })).status).toBe(404);
    expect((await fetched('/export/A.csv?to=2000-01-01T00:00:00Z')).body).toBe('t,value,size\n');
    expect((await fetched('/export/A.csv?asOf=0')).body).toBe('t,value,size\n');
  });

  it('may have any key', async () => {
    for (const key of ['=1+1', 'a/b.csv', 'ünï/ço%20de', 'a;b', '..', '100%']) {
      await ingest(server.url, [{ series: key, t, value: 1 }]);
      const { status, body, headers } = await fetched(`/export/${encodeURIComponent(key)}.csv`);
      expect([status, body]).toEqual([200, 't,value,size\n2026-01-05T09:30:00Z,1,\n']);
      const [, name = ''] = /filename\*=UTF-8''(.*)$/.exec(headers['content-disposition'] ?? '') ?? [];
      expect(decodeURIComponent(name)).toBe(`${key}.csv`);
    }
  });

  it('may be derived, and is read at a revision as the API reads it', async () => {
    const worker = await server.startWorker();
    await ingest(server.url, [
      { series: 'B', t, value: 2 },
      { series: 'B', t: t + 1_000, value: 3 },
    ]);
    await ask(server.url, 'mutation { defineSeries(input: { key: "DOUBLE", formula: "B * 2" }) { key } }');
    await until(async () => (await fetched('/export/DOUBLE.csv')).body.split('\n').length === 4);
    const asOf = await server.revision();
    expect((await fetched('/export/DOUBLE.csv')).body).toBe(
      't,value,size\n2026-01-05T09:30:00Z,4,\n2026-01-05T09:30:01Z,6,\n',
    );
    await ingest(server.url, [{ series: 'B', t, value: 20 }]);
    await until(async () => (await fetched('/export/DOUBLE.csv')).body.includes('09:30:00Z,40,'));
    expect((await fetched(`/export/DOUBLE.csv?asOf=${asOf}`)).body).toContain('09:30:00Z,4,');
    await worker.stop();
  });

  it('what is asked wrongly is said as JSON', async () => {
    const cases: [string, number, RegExp][] = [
      ['/export/NOTHING.csv', 404, /There is no series 'NOTHING'/],
      ['/export/A.xlsx', 404, /There is nothing here/],
      ['/export/', 404, /There is nothing here/],
      ['/export/%ff.csv', 400, /percent-encoded/],
      ['/export/A.csv?from=yesterday', 400, /from: not an instant: 'yesterday'/],
      ['/export/A.csv?to=1767605400', 400, /looks like seconds/],
      [`/export/A.csv?from=${t}&to=${t - 1}`, 400, /from lies behind to/],
      ['/export/A.csv?asOf=-1', 400, /asOf is a revision/],
      ['/export/A.csv?asOf=999999', 400, /999/],
      ['/export/A.csv?as_of=1', 400, /'as_of' is not taken here/],
      ['/export/A.csv?asOf=1&asOf=2', 400, /once/],
      ['/imports/abc/rejects.csv', 404, /no import/],
      [`/imports/${Buffer.from('Import:99999').toString('base64url')}/rejects.csv`, 404, /no import/],
      [`/imports/${Buffer.from('Series:1').toString('base64url')}/rejects.csv`, 404, /no import/],
    ];
    for (const [path, status, said] of cases) {
      const answer = await fetched(path);
      expect([path, answer.status]).toEqual([path, status]);
      expect(JSON.parse(answer.body).errors[0].message).toMatch(said);
    }
  });

  it('pages of allowed origins may read it, others not', async () => {
    const allowed = await fetched('/export/A.csv', { origin: 'http://localhost:3000' });
    expect(allowed.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    expect((await fetched('/export/A.csv', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await fetched('/export/A.csv', { host: 'evil.example' })).status).toBe(403);
    const { status } = await fetch(`http://127.0.0.1:${server.port}/export/A.csv`, { method: 'POST', body: 'x' });
    expect(status).toBe(405);
  });
});

describe('a long series', () => {
  const count = 1_000_000;

  beforeAll(async () => {
    const mutation = 'mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted } }';
    for (let from = 0; from < count; from += 100_000) {
      const times = Array.from({ length: 100_000 }, (_, i) => t + from + i);
      const input = {
        createMissing: true,
        columns: [{ series: 'LONG', t: times, value: times.map((_, i) => from + i) }],
      };
      await ask(server.url, mutation, { input });
    }
  }, 120_000);

  it('is given whole, in bounded memory, however slowly it is read', async () => {
    const response = await new Promise<IncomingMessage>((resolve) =>
      get({ host: '127.0.0.1', port: server.port, path: '/export/LONG.csv' }, resolve),
    );
    // Read in small steps with a pause of the event loop between them.
    global.gc?.();
    const before = process.memoryUsage.rss();
    let most = before;
    let lines = 0;
    let bytes = 0;
    let pieces = 0;
    for await (const chunk of response) {
      for (const byte of chunk as Buffer) if (byte === 10) lines++;
      bytes += (chunk as Buffer).length;
      if (++pieces % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, process.memoryUsage.rss());
    }
    expect(lines).toBe(count + 1);
    process.stdout.write(`export: ${bytes} bytes, rss grew by ${Math.round((most - before) / 1e6)} MB\n`);
    expect(most - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('goes to one address some times at once, not any number', async () => {
    const patient = await startServer({ databaseUrl: server.databaseUrl });
    const open = () =>
      new Promise<IncomingMessage>((resolve, reject) =>
        get({ host: '127.0.0.1', port: patient.port, path: '/export/LONG.csv', agent: false }, resolve).on(
          'error',
          reject,
        ),
      );
    const unread = await Promise.all(Array.from({ length: 16 }, open));
    expect(unread.map(({ statusCode }) => statusCode)).toEqual(Array(16).fill(200));
    const refused = await fetched('/export/A.csv', {}, patient.port);
    expect(refused.status).toBe(429);
    expect(JSON.parse(refused.body)).toMatchObject({
      errors: [{ message: expect.stringMatching(/At most 16 files/), extensions: { code: 'RATE_LIMITED' } }],
    });
    for (const response of unread) response.destroy();
    await until(async () => (await fetched('/export/A.csv', {}, patient.port)).status === 200);
    await patient.stop();
  });

  it('is not taken for whole by a client whose connection ends early, and who reads nothing is cut off', async () => {
    const response = await new Promise<IncomingMessage>((resolve) =>
      get({ host: '127.0.0.1', port: server.port, path: '/export/LONG.csv' }, resolve),
    );
    // Both ends of the connection are of this process.
    const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): unknown[] };
    const isServed = () =>
      handles
        .call(process)
        .some((each) => each instanceof Socket && each.remotePort === response.socket.localPort && !each.destroyed);
    expect(isServed()).toBe(true);
    await until(() => !isServed());
    response.resume();
    const [error] = await once(response, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(response.complete).toBe(false);
  });
});

it('what fails behind the first part cuts the connection', async () => {
  async function* parts(): AsyncGenerator<string> {
    yield 'a,b\n';
    throw new Error('the database is away');
  }
  const http = createServer((_, response) => {
    sendDownload(response, { filename: 'a.csv', type: 'text/csv', parts: parts() }, 1_000).catch(() =>
      response.destroy(),
    );
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await expect(fetched('/', {}, port)).rejects.toMatchObject({ code: 'ECONNRESET' });
  http.close();
});

describe('rejects', () => {
  it('are given as CSV with every cell safe', async () => {
    const [{ id }] = await server.app.database.query<{ id: number }>(
      `INSERT INTO imports (upload, filename, status, input) VALUES ('x', 'März.csv', 'FAILED', '{}') RETURNING id`,
    );
    await server.app.database.query(
      `INSERT INTO import_rejects (import, place, line, "column", reason)
       SELECT $1, i, i + 2, CASE WHEN i % 2 = 0 THEN '=cmd|'' /C calc''!A0' END, '@SUM(1,2) "' || i FROM generate_series(0, 4999) AS i`,
      [id],
    );
    const [{ id: same }] = await server.app.database.query<{ id: number }>(
      `INSERT INTO imports (upload, filename, status, input, same_as) VALUES ('x', 'b.csv', 'FAILED', '{}', $1) RETURNING id`,
      [id],
    );
    for (const each of [id, same]) {
      const { body, headers } = await fetched(
        `/imports/${Buffer.from(`Import:${each}`).toString('base64url')}/rejects.csv`,
      );
      const { data } = Papa.parse<string[]>(body.trim());
      expect(data).toHaveLength(5_001);
      expect(data[0]).toEqual(['line', 'column', 'reason']);
      expect(data[1]).toEqual(['2', `'=cmd|' /C calc'!A0`, `'@SUM(1,2) "0`]);
      expect(data[5_000]).toEqual(['5001', '', `'@SUM(1,2) "4999`]);
      expect(headers['content-disposition']).toContain('.rejects.csv');
    }
  });

  it('no text begins a formula, and all read back as they were', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('=', '+', '-', '@', '\t', '\r', '\n', ',', '"', "'", 'a', 'ü') }),
        (text) => {
          const [[cell = ''] = []] = Papa.parse<string[]>(`${textCell(text)},x`, {
            delimiter: ',',
            newline: '\n',
          }).data;
          expect(cell).not.toMatch(/^[=+\-@\t\r]/);
          expect([text, `'${text}`]).toContain(cell);
        },
      ),
    );
  });
});
