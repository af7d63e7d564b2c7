import type { Versions } from '../engine/versions.ts';
import { idArray, readBinary, revisionArray } from './binary-in.ts';
import type { Database } from './connect.ts';
import { blockReader, columnsCount, everything } from './read.ts';

/** What became of a series from behind one revision up to another one. */
export interface AskedNews {
  readonly series: number;
  /** Under which id its points lie. */
  readonly storage: number;
  readonly after: number;
  readonly upTo: number;
}

export interface News {
  /** The revision in which the series was deleted, if that is no later one. */
  readonly deleted: number | undefined;
  /** Whether its key was another series' by then. */
  readonly hasHeir: boolean;
  /** What each commit said of it, in no order; undefined: it is much, or lies in sealed blocks already. */
  readonly blocks: readonly Versions[] | undefined;
}

/** Larger blocks, and more of them, are read in steps. */
export const versionsMax = 1_000;
const blocksMax = 1_000;

/** The news of many series in one statement. */
export async function readNews(database: Database, asked: readonly AskedNews[]): Promise<News[]> {
  const columns = [
    `${idArray(asked.map(({ series }) => series))}, ${idArray(asked.map(({ storage }) => storage))}`,
    `${revisionArray(asked.map(({ after }) => after))}, ${revisionArray(asked.map(({ upTo }) => upTo))}`,
  ];
  const rows = await readBinary(
    database,
    `SELECT * FROM tidemark_news(${columns.join(', ')}, ${versionsMax}, ${blocksMax})`,
  );
  const block = blockReader(rows, 2);
  const deleted = new Map<number, number>();
  const heirs = new Set<number>();
  const blocks: (Versions[] | undefined)[] = asked.map(() => []);
  while (rows.next()) {
    const n = rows.int4();
    if (rows.isNull()) {
      rows.skip(1);
      blocks[n]?.push(block());
      continue;
    }
    const revision = rows.int8();
    if (revision === 0) blocks[n] = undefined;
    else deleted.set(n, Math.abs(revision));
    if (revision < 0) heirs.add(n);
    rows.skip(columnsCount);
  }
  return blocks.map((found, n) => ({
    deleted: deleted.get(n),
    hasHeir: heirs.has(n),
    blocks: found && found.length <= blocksMax ? found : undefined,
  }));
}

export interface AskedEnd {
  readonly storage: number;
  readonly upTo: number;
}

/** For each series an instant behind which nothing had been said of it up to a revision. */
export async function readEnds(database: Database, asked: readonly AskedEnd[]): Promise<number[]> {
  const rows = await readBinary(
    database,
    `SELECT coalesce(greatest(
         (SELECT to_t FROM sealed_blocks WHERE series = storage ORDER BY from_t DESC LIMIT 1),
         (SELECT max(to_t) FROM fresh_blocks WHERE series = storage AND revision <= high)), ${everything.from})
     FROM ROWS FROM (unnest(${idArray(asked.map(({ storage }) => storage))}),
       unnest(${revisionArray(asked.map(({ upTo }) => upTo))})) WITH ORDINALITY AS asked (storage, high, n) ORDER BY n`,
  );
  return asked.map(() => {
    if (!rows.next()) throw new Error('fewer ends than were asked for');
    return rows.int8();
  });
}
