import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Upload, type UploadOptions } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNetwork } from '../client/network.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { freePort, isAlive, type Program, scratch, tidemark, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { filesIn, importOf, importsOf, plainInput, sha256, someBytes, stored } from '../support/uploads.ts';

const { folder, remove } = scratch();
const uploads = join(folder, 'uploads');
const size = 24_000_000;
const bytes = someBytes(size);
const path = join(folder, 'prices.csv');
let server: TestServer;

beforeAll(async () => {
  writeFileSync(path, bytes);
  server = await startServer({ uploads });
});
afterAll(async () => {
  await server?.stop();
  remove();
});

interface Sending {
  readonly done: Promise<Upload>;
  readonly upload: Upload;
}

/** A client of the protocol as others write them, which retries by itself. */
function sendBy(options: Partial<UploadOptions>): Sending {
  let upload: Upload | undefined;
  const done = new Promise<Upload>((resolve, reject) => {
    upload = new Upload(createReadStream(path), {
      uploadSize: size,
      chunkSize: 2_000_000,
      retryDelays: Array.from({ length: 100 }, () => 20),
      metadata: { filename: 'prices.csv', sha256: sha256(bytes) },
      onError: reject,
      onSuccess: () => resolve(upload as Upload),
      ...options,
    });
    upload.start();
  });
  return { done, upload: upload as Upload };
}

const idOf = ({ url }: Upload) => url?.split('/').at(-1) ?? '';

describe('tus-js-client', () => {
  it('sends a file, also one that createUpload began, and takes up one that it began before', async () => {
    const { arrival } = server.app;
    const endpoint = `http://127.0.0.1:${server.port}/uploads`;
    const plain = await sendBy({ endpoint }).done;
    expect(plain.url).toBe(`${endpoint}/${idOf(plain)}`);
    expect(stored(uploads, idOf(plain)).equals(bytes)).toBe(true);
    const begun = await arrival.createUpload({ filename: 'prices.csv', size, input: plainInput });
    const told = await sendBy({ uploadUrl: `${endpoint}/${begun.upload}` }).done;
    expect(stored(uploads, idOf(told)).equals(bytes)).toBe(true);
    // What is here to its end is asked for, and nothing sent.
    await sendBy({ uploadUrl: `${endpoint}/${begun.upload}` }).done;
    for (const id of [idOf(plain), begun.upload])
      expect(await importOf(server.app, id)).toMatchObject({ status: 'QUEUED', version: 1 });
  });

  it('comes through a network that cuts it off again and again', async () => {
    const network = await startNetwork(server.port);
    let cuts = 0;
    const { done } = sendBy({
      endpoint: network.url.replace('/graphql', '/uploads'),
      chunkSize: 1_000_000,
      onProgress: (sent) => {
        if (cuts < 20 && sent > cuts * 1_000_000 + 300_000) {
          cuts++;
          network.cut();
        }
      },
    });
    const upload = await done;
    expect(cuts).toBe(20);
    expect(sha256(stored(uploads, idOf(upload)))).toBe(sha256(bytes));
    expect(await importOf(server.app, idOf(upload))).toMatchObject({ status: 'QUEUED', version: 1 });
    await network.stop();
  });

  it('comes through without a retry policy of its own where a connection stalls and it starts again', async () => {
    const network = await startNetwork(server.port);
    const endpoint = network.url.replace('/graphql', '/uploads');
    const begun = await server.app.arrival.createUpload({ filename: 'prices.csv', size, input: plainInput });
    const uploadUrl = `${endpoint}/${begun.upload}`;
    let stalled = false;
    const first = sendBy({
      uploadUrl,
      onProgress: (sent) => {
        if (sent < 5_000_000 || stalled) return;
        stalled = true;
        network.stall();
      },
    });
    first.done.catch(() => undefined);
    await until(() => stalled);
    // As a page that is loaded again: the old request is still open at the server.
    await sendBy({ uploadUrl }).done;
    expect(sha256(stored(uploads, begun.upload))).toBe(sha256(bytes));
    await first.upload.abort().catch(() => undefined);
    await network.stop();
  });
});

const killsMax = times > 1 ? 5 : 2;

describe('a server that is killed', () => {
  it('in the middle of a chunk loses nothing that it said it has, and the client goes on by itself', async () => {
    const database = await createDatabase();
    const port = await freePort();
    const own = join(folder, 'killed');
    const start = async (): Promise<Program> => {
      const program = tidemark(['serve'], {
        PORT: String(port),
        ROLE: 'api',
        DATABASE_URL: database.url,
        UPLOADS: own,
        TIDEMARK_HOME: join(folder, 'home'),
      });
      await program.says('is ready');
      return program;
    };
    let program = await start();
    let kills = 0;
    let restarting: Promise<void> | undefined;
    let accepted = 0;
    const { done } = sendBy({
      endpoint: `http://127.0.0.1:${port}/uploads`,
      chunkSize: 1_000_000,
      retryDelays: Array.from({ length: 500 }, () => 50),
      onChunkComplete: (_, sent) => {
        accepted = Math.max(accepted, sent);
        const [id] = filesIn(own);
        if (stored(own, id).length < accepted) throw new Error('what was accepted is not there');
      },
      onProgress: (sent) => {
        if (kills >= killsMax || sent < kills * 4_000_000 + 300_000 || restarting) return;
        kills++;
        const dying = program;
        dying.process.kill('SIGKILL');
        restarting = dying.ended.then(async () => {
          const [id] = filesIn(own);
          if (id !== undefined && stored(own, id).length < accepted) throw new Error('what was accepted is lost');
          program = await start();
          restarting = undefined;
        });
      },
    });
    const upload = await done;
    await restarting;
    expect(kills).toBe(killsMax);
    const id = idOf(upload);
    expect(filesIn(own)).toContain(id);
    expect(sha256(stored(own, id))).toBe(sha256(bytes));
    const rows = await importsOf((await beside(database.url)).app);
    expect(rows.filter((row) => row.upload === id)).toMatchObject([{ status: 'QUEUED', version: 1 }]);
    program.process.kill('SIGTERM');
    await program.ended;
    expect(isAlive(program.pid)).toBe(false);
    await besides.pop()?.stop();
    await database.drop();
  }, 120_000);

  const besides: TestServer[] = [];
  async function beside(databaseUrl: string): Promise<TestServer> {
    const started = await startServer({ uploads, databaseUrl });
    besides.push(started);
    return started;
  }
});
