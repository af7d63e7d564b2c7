import { postgresBell } from '../src/bell/postgres.ts';
import { Definer } from '../src/derive/define.ts';
import { reflectedAt } from '../src/derive/settled.ts';
import { readDefinitions, storageOf } from '../src/store/definitions.ts';
import { storeId } from '../src/store/store-id.ts';
import { sealWhole } from '../src/upkeep/upkeep.ts';
import { type OpenStore, once, openStore } from './world.ts';

/** The store of a program whose workers derive, as one who writes and waits. */
export interface Deriving extends OpenStore {
  define(key: string, formula: string): Promise<void>;
  /** Resolves when everything that was defined answers. */
  built(): Promise<void>;
  /** Resolves when everything that hangs on a source reflects a revision. */
  reflected(source: number, revision: number): Promise<void>;
  /** Resolves when everything that was written so far is on the disk, also what did not wait for it. */
  durable(): Promise<void>;
  /** Seals everything, as workers do in time. */
  quiet(): Promise<void>;
  /** The storages of the derived series that answer. */
  storages(): Promise<Map<string, number>>;
}

/** The store tells when something happens; it is also asked this often. */
const askMillis = 200;
const patienceMillis = 10 * 60_000;

export async function openDeriving(url: string): Promise<Deriving> {
  const store = openStore(url);
  const { database, catalogue } = store;
  const bell = postgresBell(url, { storeId: await storeId(database), log: (line) => console.log(`  ${line}`) });
  const definer = new Definer(database, catalogue, { announce: true, onDefined: () => undefined });
  let heard: (() => void) | undefined;
  // What a source was told changes nothing of what was derived yet.
  const listening = await bell.listen((notice) => {
    if (!notice || 'derived' in notice) heard?.();
  });
  const until = async (isSo: () => Promise<boolean>, waits = false) => {
    const deadline = performance.now() + patienceMillis;
    for (;;) {
      const told = new Promise<void>((resolve) => {
        heard = resolve;
      });
      if (!waits && (await isSo())) return;
      waits = false;
      if (performance.now() > deadline) throw new Error('the derived series did not get there');
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([told, new Promise<void>((resolve) => (timer = setTimeout(resolve, askMillis)))]);
      clearTimeout(timer);
    }
  };
  return {
    ...store,
    define: async (key, formula) => void (await definer.define({ key, formula })),
    built: () =>
      until(async () => {
        const rows = await database.query<{ state: string; problem: string | null }>(
          `SELECT state, problem FROM definitions WHERE state = 'BUILDING'`,
        );
        const failed = rows.find(({ problem }) => problem !== null);
        if (failed) throw new Error(`a definition failed: ${failed.problem}`);
        return rows.length === 0;
      }),
    reflected: (source, revision) =>
      until(async () => (await reflectedAt(database, [source], revision)).revision !== undefined, true),
    // A commit that waits for the disk: the log is one line.
    durable: async () => void (await database.query(`SELECT pg_logical_emit_message(true, 'bench', '')`)),
    quiet: async () => {
      const ids = await database.query<{ series: number }>('SELECT DISTINCT series FROM fresh_blocks');
      for (const { series } of ids) await sealWhole(database, series);
      await once(url, 'VACUUM (ANALYZE) sealed_blocks, fresh_blocks, checkpoints, lanes, commits');
      await once(url, 'CHECKPOINT');
    },
    storages: async () => {
      const { definitions } = await readDefinitions(database);
      return new Map(definitions.map((row) => [row.key, storageOf(row)]));
    },
    close: async () => {
      await listening.stop();
      await bell.stop();
      await store.close();
    },
  };
}
