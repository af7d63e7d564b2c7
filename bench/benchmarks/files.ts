import { createReadStream, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Upload } from 'tus-js-client';
import { startProgram, startWorker } from '../child.ts';
import { type CsvFile, openCopied, writeCsv } from '../csv.ts';
import { alternate, type Figure, limitFigure, type Pairs, rateFigure } from '../figure.ts';
import { rssMegabytesMax } from '../machine.ts';
import { once, type World } from '../world.ts';

const lookMillis = 50;
const chunkBytes = 16 << 20;

const create = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { url import { id } } }`;
const look = 'query ($id: ID!) { import(id: $id) { status accepted problem } }';
const lastOf = 'query ($key: String!) { series(key: $key) { last { t } } }';

interface Seen {
  readonly status: string;
  readonly accepted: number;
  readonly problem: string | null;
}

async function ask<T>(server: string, query: string, variables: object): Promise<T> {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: T; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Sends a file and waits until its last row can be read. */
async function importFile(server: string, file: CsvFile): Promise<void> {
  const input = {
    filename: basename(file.path),
    size: statSync(file.path).size,
    import: { createMissing: true },
  };
  const { createUpload } = await ask<{ createUpload: { url: string; import: { id: string } } }>(server, create, {
    input,
  });
  await new Promise<unknown>((onSuccess, onError) => {
    new Upload(createReadStream(file.path), {
      uploadUrl: new URL(createUpload.url, server).href,
      uploadSize: input.size,
      chunkSize: chunkBytes,
      onSuccess,
      onError,
    }).start();
  });
  for (;;) {
    const { import: seen } = await ask<{ import: Seen }>(server, look, { id: createUpload.import.id });
    if (seen.status === 'DONE' && seen.accepted === file.rows) break;
    if (!['UPLOADING', 'QUEUED', 'RUNNING'].includes(seen.status)) throw new Error(JSON.stringify(seen));
    await pause(lookMillis);
  }
  const { series } = await ask<{ series: { last: { t: string } } }>(server, lastOf, { key: file.last.series });
  if (Date.parse(series.last.t) !== file.last.millis) throw new Error(`the last row is not there: ${series.last.t}`);
}

/** A file of so many rows, from the disk of a client to durable and readable, against COPY of the same file. */
export async function files(world: World): Promise<Figure[]> {
  const rows = world.quick ? 1_000_000 : 10_000_000;
  const copied = await openCopied(await world.database());
  world.defer(() => copied.close());
  const most = { api: 0, worker: 0 };
  const pairsOf = async (file: CsvFile): Promise<Pairs> => {
    const ours = async () => {
      const url = await world.database();
      const program = await startProgram(world, url);
      const worker = await startWorker(world, url);
      await once(url, 'CHECKPOINT');
      const started = performance.now();
      await importFile(`http://127.0.0.1:${program.port}`, file);
      const rate = (file.rows / (performance.now() - started)) * 1_000;
      if (process.platform === 'linux') {
        most.api = Math.max(most.api, rssMegabytesMax(program.pid));
        most.worker = Math.max(most.worker, rssMegabytesMax(worker.pid));
      }
      await worker.stop();
      await program.stop();
      return rate;
    };
    return alternate(1, () => copied.fill(file), ours);
  };
  const figures: Figure[] = [];
  for (const seriesCount of [1, 1_000]) {
    const file = await writeCsv(join(world.folder, `${seriesCount}.csv`), rows, seriesCount);
    const name = `a file of ${rows / 1e6} M rows, ${seriesCount} series / \\copy`;
    figures.push(rateFigure(name, 'rows/s', await pairsOf(file), 2));
  }
  if (process.platform === 'linux')
    for (const name of ['api', 'worker'] as const)
      figures.push(limitFigure(`most memory of the ${name} while files come in`, 'MB', most[name], 300));
  return figures;
}
