import { EventEmitter, once } from 'node:events';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { Fault } from '../../src/engine/fault.ts';
import { everything } from '../../src/engine/ranges.ts';
import { readPoints, readVersions } from '../../src/store/block-reads.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { createDatabase } from '../support/database.ts';
import { times } from '../support/long.ts';
import { idOf, type Process, put, startProcess } from './world.ts';

const killsWanted = 1_000 * times;
const patienceMillis = 10_000;
const ticksPerWrite = 3;
const keys = ['S0', 'S1', 'S2'];

interface Written {
  readonly key: string;
  readonly ticks: readonly (readonly [t: number, value: number])[];
  /** undefined: it was not acknowledged. */
  revision: number | undefined;
}

/** What goes on during the storm; every answer of whatever kind is an event. */
class Storm extends EventEmitter {
  raging = true;
  readonly writes: Written[] = [];
  readonly counts = { kills: 0, writes: 0, catalogue: 0, blocks: 0, seals: 0, faults: 0 };
  readonly underWay = new Map<number, string>();
  #calls = 0;

  /** Faults that say the database cannot be reached are the only ones allowed. */
  async run<T>(what: 'writes' | 'catalogue' | 'blocks' | 'seals', call: () => Promise<T>): Promise<T | undefined> {
    const number = this.#calls++;
    this.underWay.set(number, what);
    try {
      const answer = await call();
      this.counts[what]++;
      return answer;
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'UNAVAILABLE')) throw error;
      this.counts.faults++;
      return undefined;
    } finally {
      this.underWay.delete(number);
      this.emit('answer');
    }
  }
}

async function write(storm: Storm, process: Process, w: number): Promise<void> {
  for (let i = 0; storm.raging; i++) {
    const key = keys[(w + i) % keys.length];
    const start = (w * 100_000 + i) * 10;
    const ticks = Array.from({ length: ticksPerWrite }, (_, j) => [start + j, i + j / 8] as const);
    const written: Written = { key, ticks, revision: undefined };
    storm.writes.push(written);
    const idempotencyKey = i % 2 === 0 ? `${w}-${i}` : undefined;
    do {
      const answer = await storm.run('writes', () => put(process, key, ticks, { idempotencyKey }));
      written.revision = answer?.revision;
      // Only with a key is it safe to ask again, and then it must be.
    } while (written.revision === undefined && idempotencyKey !== undefined);
  }
}

async function readCatalogue(storm: Storm, { catalogue }: Process): Promise<void> {
  let newest = 0;
  while (storm.raging) {
    const rows = await storm.run('catalogue', () => catalogue.seriesByKeys(keys));
    if (rows) expect(rows.map(({ key }) => key).sort()).toStrictEqual(keys);
    const revision = await storm.run('catalogue', () => catalogue.newestRevision());
    if (revision === undefined) continue;
    expect(revision, 'the newest revision').toBeGreaterThanOrEqual(newest);
    newest = revision;
    const commits = await storm.run('catalogue', () => catalogue.commits([revision]));
    if (commits) expect(commits.length).toBe(1);
  }
}

/** Every write is there whole or not at all: what one read sees of it has `ticksPerWrite` ticks of one revision. */
async function readBlocks(storm: Storm, { database }: Process, ids: readonly number[]): Promise<void> {
  for (let i = 0; storm.raging; i++) {
    const id = ids[i % ids.length];
    const versions = await storm.run('blocks', () => readVersions(database, id, everything));
    if (!versions) continue;
    const { t, revision } = versions;
    const seen = new Map<number, Set<number>>();
    t.forEach((instant, at) => {
      const start = Math.floor(instant / 10);
      seen.set(start, (seen.get(start) ?? new Set()).add(revision[at]));
    });
    expect(t.length).toBe(seen.size * ticksPerWrite);
    expect([...seen.values()].filter((revisions) => revisions.size !== 1)).toStrictEqual([]);
    await storm.run('blocks', () => readPoints(database, id, everything, Number.MAX_SAFE_INTEGER, 10, 'last'));
  }
}

async function seal(storm: Storm, { database }: Process, ids: readonly number[]): Promise<void> {
  for (let i = 0; storm.raging; i++) await storm.run('seals', () => sealWhole(database, ids[i % ids.length]));
}

/** Kills connections of the database at random, one after each answer that somebody got. */
async function kill(storm: Storm, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('serverUrl') });
  await client.connect();
  const text = `SELECT pg_terminate_backend(pid) AS killed FROM (
      SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend' ORDER BY random() LIMIT 1) AS victim`;
  while (storm.counts.kills < killsWanted) {
    const answered = once(storm, 'answer');
    const { rows } = await client.query<{ killed: boolean }>(text, [name]);
    storm.counts.kills += rows.filter(({ killed }) => killed).length;
    await answered;
  }
  storm.raging = false;
  await client.end();
}

/** Resolves when no call has been answered for a while: whatever is still under way hangs. */
function silence(storm: Storm): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 2 * patienceMillis, 'nothing is answered any more');
    storm.on('answer', () => timer.refresh());
  });
}

test(
  'in a storm of killed connections nothing acknowledged is lost, nothing is half done or done twice, nothing hangs',
  async ({ annotate }) => {
    const { url, name, drop } = await createDatabase();
    const processes = [0, 1, 2].map(() => startProcess(url, { patienceMillis }));
    for (const key of keys) await processes[0].ingest.createSeries({ key });
    const ids = await Promise.all(keys.map((key) => idOf(processes[0], key)));
    const storm = new Storm();
    const loops = [
      ...Array.from({ length: 12 }, (_, w) => write(storm, processes[w % 3], w)),
      ...processes.map((process) => readCatalogue(storm, process)),
      ...processes.map((process) => readBlocks(storm, process, ids)),
      seal(storm, processes[0], ids),
      kill(storm, name),
    ];
    const ended = await Promise.race([Promise.all(loops).then(() => 'all settled'), silence(storm)]);
    await annotate(JSON.stringify({ ...storm.counts, underWay: [...storm.underWay.values()] }));
    expect([ended, ...storm.underWay.values()]).toStrictEqual(['all settled']);
    expect(storm.counts.kills).toBeGreaterThanOrEqual(killsWanted);

    const said = new Map<string, number[]>();
    for (const [i, key] of keys.entries()) {
      const { t, revision, value } = await readVersions(processes[0].database, ids[i], everything);
      t.forEach((instant, at) => {
        const place = `${key} ${instant} ${value[at]}`;
        said.set(place, [...(said.get(place) ?? []), revision[at]]);
      });
    }
    for (const { key, ticks, revision } of storm.writes) {
      const found = ticks.map(([t, value]) => said.get(`${key} ${t} ${value}`) ?? []);
      for (const [t, value] of ticks) said.delete(`${key} ${t} ${value}`);
      if (revision !== undefined) expect(found).toStrictEqual(ticks.map(() => [revision]));
      else expect([0, ticksPerWrite], 'all of it once, or nothing').toContain(found.flat().length);
    }
    expect([...said], 'nothing else is there').toStrictEqual([]);
    await Promise.all(processes.map((process) => process.stop()));
    await drop();
  },
  240_000 * times,
);
