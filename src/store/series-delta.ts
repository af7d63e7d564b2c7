import { everything } from '../engine/ranges.ts';
import type { Versions } from '../engine/versions.ts';
import { type BinaryRows, idArray, readBinary, revisionArray } from './binary-in.ts';
import { blockReader, columnsCount } from './block-reads.ts';
import type { Database } from './connect.ts';
import { type Standing, standingOf } from './lanes.ts';

/** A request for the changes of a series after one revision, up to another. */
export interface DeltaRequest {
  readonly series: number;
  /** The id under which its points are stored. */
  readonly storage: number;
  readonly after: number;
  readonly upTo: number;
}

export interface SeriesDelta {
  /** The revision that deleted the series, if it is not later than `upTo`. */
  readonly deleted: number | undefined;
  /** True when another series has its key by then. */
  readonly hasHeir: boolean;
  /** The blocks of the commits, in no order; undefined when there are too many, or they are already sealed. */
  readonly blocks: readonly Versions[] | undefined;
}

/** The limits of a delta. Beyond them, changes are read in steps. */
export const versionsMax = 1_000;
const blocksMax = 1_000;

/** Reads the deltas of many series in one statement. */
export async function readSeriesDeltas(database: Database, asked: readonly DeltaRequest[]): Promise<SeriesDelta[]> {
  const columns = [
    `${idArray(asked.map(({ series }) => series))}, ${idArray(asked.map(({ storage }) => storage))}`,
    `${revisionArray(asked.map(({ after }) => after))}, ${revisionArray(asked.map(({ upTo }) => upTo))}`,
  ];
  const rows = await readBinary(
    database,
    `SELECT * FROM tidemark_news(${columns.join(', ')}, ${versionsMax}, ${blocksMax})`,
  );
  return takeDeltas(rows, asked.length);
}

/** Reads deltas from rows of tidemark_news, whose first field is followed by `between` fields that are null. */
function takeDeltas(rows: BinaryRows, count: number, between = 0, other?: (n: number) => void): SeriesDelta[] {
  const block = blockReader(rows, between + 2);
  const deleted = new Map<number, number>();
  const heirs = new Set<number>();
  const blocks: (Versions[] | undefined)[] = Array.from({ length: count }, () => []);
  while (rows.next()) {
    const n = rows.int4();
    if (n < 0) {
      other?.(-n - 1);
      continue;
    }
    rows.skip(between);
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

/** A series and a revision. The points of a source series are stored under its own id. */
export interface ProgressRequest {
  readonly series: number;
  readonly storage: number;
  readonly after: number;
}

/** The progress of a derived series, the newest revision, and the delta up to it. */
export interface SeriesProgress {
  readonly newest: number;
  readonly standing: Standing | undefined;
  readonly news: SeriesDelta;
}

/** Reads the progress and the deltas of many series in one statement. */
export async function readSeriesProgress(
  database: Database,
  asked: readonly ProgressRequest[],
): Promise<SeriesProgress[]> {
  const columns = [
    `${idArray(asked.map(({ series }) => series))}, ${idArray(asked.map(({ storage }) => storage))}`,
    revisionArray(asked.map(({ after }) => after)),
  ];
  const rows = await readBinary(
    database,
    `SELECT * FROM tidemark_follow(${columns.join(', ')}, ${versionsMax}, ${blocksMax})`,
  );
  const stood: Omit<SeriesProgress, 'news'>[] = [];
  const news = takeDeltas(rows, asked.length, 1, (n) => {
    const standing = rows.text();
    stood[n] = { newest: rows.int8(), standing: standing === undefined ? undefined : standingOf(JSON.parse(standing)) };
    rows.skip(columnsCount);
  });
  return news.map((each, n) => ({ ...stood[n], news: each }));
}

export interface EndRequest {
  readonly storage: number;
  readonly upTo: number;
}

/** For each series: the last instant that any version up to a revision has. */
export async function readEnds(database: Database, asked: readonly EndRequest[]): Promise<number[]> {
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
