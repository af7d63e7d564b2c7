import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { apiServer } from '../../src/run/api.ts';
import { openLog } from '../../src/run/log.ts';
import { until } from '../support/program.ts';
import { filesIn, importOf, offsetOf, patch, stored, tus } from '../support/uploads.ts';

import { begin, cutPatch, open, other, server, serveUploads, uploads } from './tus-harness.ts';

serveUploads();

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
