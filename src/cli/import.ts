import { relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '../engine/fault.ts';
import { ImportFile } from './import-file.ts';
import { type ImportCommand, importHelp, parseImportCommand } from './import-options.ts';
import { sendFile } from './import-send.ts';
import { type Imported, ImportServer } from './import-server.ts';
import { describeOutcome } from './import-show.ts';
import { formatBytes, ProgressBar, type Screen } from './progress-bar.ts';

/** The intervals at which the command asks for the status of an import: short at first, for small files. */
const lookMillis = { least: 50, most: 500 };

const inWork = ['UPLOADING', 'QUEUED', 'RUNNING'];

export interface Console {
  /** Receives results. */
  readonly out: Screen;
  /** Receives progress and errors. */
  readonly err: Screen;
}

async function follow(server: ImportServer, from: Imported, progress: ProgressBar): Promise<Imported> {
  let seen = from;
  for (let millis = lookMillis.least; inWork.includes(seen.status); millis = Math.min(millis * 1.5, lookMillis.most)) {
    const part = seen.size === null || seen.size === 0 ? undefined : Math.min(1, seen.bytes / seen.size);
    if (seen.status === 'RUNNING') progress.show('read', part, `${seen.rows.toLocaleString('en')} rows`);
    else progress.show('waits for a worker', undefined, '');
    await pause(millis);
    seen = await server.read(seen.id);
  }
  progress.clear();
  return seen;
}

/** The rate and the remaining time of a transfer. */
function pace(total: number): (bytes: number) => string {
  let first: { readonly at: number; readonly bytes: number } | undefined;
  return (bytes) => {
    const now = performance.now();
    first ??= { at: now, bytes };
    const seconds = (now - first.at) / 1_000;
    const rate = (bytes - first.bytes) / seconds;
    const amount = `${formatBytes(bytes)} of ${formatBytes(total)}`;
    if (!(seconds > 1 && rate > 0)) return amount;
    return `${amount}, ${formatBytes(Math.round(rate))}/s, ${Math.ceil((total - bytes) / rate)} s left`;
  };
}

interface Ended {
  readonly seen: Imported;
  readonly wasThere: boolean;
}

async function importOne(
  server: ImportServer,
  file: ImportFile,
  call: ImportCommand,
  progress: ProgressBar,
): Promise<Ended> {
  const part = (bytes: number) => (file.size === 0 ? 1 : bytes / file.size);
  const sha256 = await file.sha256((bytes) => progress.show('looked at', part(bytes), formatBytes(file.size)));
  const created = await server.create({ filename: file.name, size: file.size, sha256, import: call.input });
  const { id, status } = created.import;
  if (status === 'UPLOADING') {
    if (created.offset > 0) progress.say(`${formatBytes(created.offset)} are there already; it goes on behind them`);
    const text = pace(file.size);
    await sendFile(file, server.resolve(created.url), {
      onBytes: (bytes) => progress.show('sent', part(bytes), text(bytes)),
      onRetry: (why) => progress.say(`interrupted (${why}); trying again`),
    });
  }
  const seen = await follow(server, await server.read(id), progress);
  return { seen, wasThere: status === 'DONE' };
}

function isWell({ status, problem }: Imported, call: ImportCommand): boolean {
  if (call.undo !== undefined) return status === 'UNDONE';
  return status === 'DONE' || (status === 'PREVIEWED' && problem === null);
}

async function told(
  call: ImportCommand,
  console: Console,
  name: string,
  run: (progress: ProgressBar) => Promise<boolean>,
) {
  const progress = new ProgressBar(console.err, name);
  const stop = () => {
    progress.clear();
    console.err.write(`${name}: stopped. The same command goes on where it was.\n`);
    process.exit(130);
  };
  process.once('SIGINT', stop);
  try {
    return await run(progress);
  } catch (error) {
    progress.clear();
    if (call.json && error instanceof Fault)
      console.out.write(`${JSON.stringify({ file: name, error: { code: error.code, message: error.message } })}\n`);
    throw error;
  } finally {
    process.removeListener('SIGINT', stop);
  }
}

/** The name under which the user ran this program, for commands to copy. */
function calledAs(path: string): string {
  return path.endsWith('.js') ? `node ${relative(process.cwd(), path)}` : 'tidemark';
}

/** Runs `tidemark import`. Returns its exit code. */
export async function importFiles(words: readonly string[], console: Console, program: string): Promise<number> {
  const call = parseImportCommand(words);
  if (call.help) {
    console.out.write(importHelp());
    return 0;
  }
  const command = `${calledAs(program)} import`;
  const more = call.server.href === 'http://localhost:4000/' ? '' : ` --url ${call.server.href.replace(/\/$/, '')}`;
  const report = (server: ImportServer, name: string, { seen, wasThere }: Ended) => {
    const rejectsUrl = seen.rejectsUrl && server.resolve(seen.rejectsUrl);
    const text = call.json
      ? JSON.stringify({ file: name, import: { ...seen, rejectsUrl } })
      : describeOutcome({
          name,
          seen,
          rejectsUrl,
          wasThere,
          command,
          more,
          isPartial: call.input.partial === true,
        }).join('\n');
    console.out.write(`${text}\n`);
    return isWell(seen, call);
  };
  const act = call.commit ?? call.undo;
  const names = act === undefined ? call.files : [`import ${act}`];
  for (const [place, name] of names.entries()) {
    const isWell = await told(call, console, name, async (progress) => {
      const server = new ImportServer(call.server, (why) => progress.show(why, undefined, 'Trying again.'));
      if (act !== undefined) {
        const taken = call.undo === undefined ? await server.commit(act, call.input) : await server.undo(act);
        return report(server, taken.filename, { seen: await follow(server, taken, progress), wasThere: false });
      }
      const file = await ImportFile.open(name);
      try {
        await server.hello();
        return report(server, name, await importOne(server, file, call, progress));
      } finally {
        await file.close();
      }
    });
    if (isWell) continue;
    const left = names.slice(place + 1);
    if (left.length > 0) console.err.write(`not sent, as they come after it: ${left.join(', ')}\n`);
    return 1;
  }
  return 0;
}
