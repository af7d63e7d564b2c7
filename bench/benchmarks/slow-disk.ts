import { execFileSync, spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { program, usableBinaries } from '../../src/embedded/binaries.ts';
import { spawnOptions } from '../../src/embedded/cluster.ts';
import { findDataDirectory } from '../../src/embedded/data-directory.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { settingsArguments } from '../../src/embedded/settings.ts';
import { commit } from '../../src/store/commit.ts';
import { connect } from '../../src/store/connect.ts';
import { migrate } from '../../src/store/migrate.ts';
import { alternate, type Figure, rateFigure } from '../figure.ts';
import { startMillis } from '../points.ts';
import { once, openStore, schemaFolders, type World } from '../world.ts';

const clients = 16;
const startMillisMax = 20_000;

const slowSync = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int slow(const char *name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  usleep(2000);
  return real(fd);
}
int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
`;

/** A library that adds 2 ms to every flush; undefined without a C compiler. */
function compileSlowSync(folder: string): string | undefined {
  const source = join(folder, 'slow-sync.c');
  const library = join(folder, 'slow-sync.so');
  writeFileSync(source, slowSync);
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' });
    return library;
  } catch {
    return undefined;
  }
}

/** The embedded PostgreSQL, started by hand because only here it needs another environment. */
async function startSlow(world: World, library: string): Promise<string> {
  const home = join(world.folder, 'slow');
  const first = await startEmbeddedPostgres({ home });
  await first.stop();
  const place = findDataDirectory(home);
  const binaries = usableBinaries(place.account, home);
  const options = spawnOptions(place.account);
  const args = ['-D', place.dataDir, '-c', `port=${first.port}`, ...settingsArguments(binaries, {})];
  const child = spawn(program(binaries, 'postgres'), args, {
    ...options,
    env: { ...options.env, LD_PRELOAD: library },
    stdio: 'ignore',
    detached: true,
  });
  world.defer(async () => {
    if (child.exitCode !== null) return;
    const gone = event(child, 'exit');
    child.kill('SIGINT');
    await gone;
  });
  for (const deadline = Date.now() + startMillisMax; ; ) {
    try {
      await once(first.url, 'SELECT 1');
      return first.url;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await wait(50);
    }
  }
}

/** Sixteen clients that each write one tick after the other on a disk that is slow to flush. */
export async function slowDisk(world: World): Promise<Figure[]> {
  const library = process.platform === 'linux' ? compileSlowSync(world.folder) : undefined;
  if (library === undefined) {
    world.say('  left out: it needs Linux and a C compiler (cc)');
    return [];
  }
  const url = await startSlow(world, library);
  await migrate({ url, ...schemaFolders });
  await once(url, 'CREATE TABLE rows (series int, t bigint, value float8, PRIMARY KEY (series, t))');
  const store = openStore(url);
  const apart = connect({ url, connectionsMax: clients });
  const pool = new pg.Pool({ connectionString: url, max: clients });
  const series = await store.ingest.createSeries({ key: 'SLOW' });
  const millis = world.quick ? 1_000 : 3_000;
  let next = 0;
  const rate = async (write: (t: number) => Promise<unknown>) => {
    const started = performance.now();
    let writes = 0;
    await Promise.all(
      Array.from({ length: clients }, async () => {
        for (; performance.now() - started < millis; writes++) await write((startMillis + 1000 * next++) * 1000);
      }),
    );
    return (writes / (performance.now() - started)) * 1000;
  };
  const columnAt = (t: number) => ({ t: Float64Array.of(t), value: Float64Array.of(65_000.5), size: undefined });
  const gathered = () =>
    rate((t) =>
      store.ingest.ingest({
        columns: [{ series: 'SLOW', column: columnAt(t), index: (at) => at, bad: new Map() }],
        createMissing: false,
        partial: false,
        note: null,
        idempotencyKey: null,
      }),
    );
  const alone = () =>
    rate((t) => {
      const blocks = [{ at: 0, series: series.id, column: columnAt(t) }];
      const rest = { checks: [], creates: [], stages: [], answers: [] };
      return commit(apart, { revisions: [{ note: null }], blocks, ...rest }, { announce: true });
    });
  const inserts = () => rate((t) => pool.query('INSERT INTO rows VALUES ($1, $2, $3)', [1, t, 65_000.5]));
  const rounds = world.quick ? 2 : 5;
  const figures = [
    rateFigure(
      '16 writers, flush + 2 ms: gathered / plain INSERTs',
      'writes/s',
      await alternate(rounds, inserts, gathered),
      1,
    ),
    rateFigure(
      '16 writers, flush + 2 ms: gathered / each its own commit',
      'writes/s',
      await alternate(rounds, alone, gathered),
    ),
  ];
  await pool.end();
  await apart.close();
  await store.close();
  return figures;
}
