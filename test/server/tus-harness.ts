import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { scratch, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { filesIn, plainInput, stored, tus } from '../support/uploads.ts';

/** Two servers of one database and one folder, for the tests of a file. */
export let server: TestServer;
export let other: TestServer;
export let uploads: string;

export function serveUploads(): void {
  const { folder, remove } = scratch();
  beforeAll(async () => {
    uploads = join(folder, 'uploads');
    server = await startServer({ uploads, uploadBytesMax: 1_000_000_000 });
    other = await startServer({ uploads, uploadBytesMax: 1_000_000_000, databaseUrl: server.databaseUrl });
  });
  afterAll(async () => {
    await other?.stop();
    await server?.stop();
    remove();
  });
}

export const begin = (size: number, more: { sha256?: string; input?: typeof plainInput & { note?: string } } = {}) =>
  server.app.arrival.createUpload({ filename: 'a.csv', size, input: plainInput, ...more });

export async function created(headers: Record<string, string | number>, body?: Buffer) {
  const answer = await tus(server.port, 'POST', '/uploads', headers, body);
  const location = String(answer.headers.location);
  return { ...answer, id: location.split('/').at(-1) ?? '' };
}

/** Sends the begin of a chunk, and cuts the connection when the bytes lie in the folder. */
export async function cutPatch(
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

export function open(
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
