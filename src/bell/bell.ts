/** A notice about a commit. It can be lost, repeated or late, so a receiver reads the store. */
export interface CommitNotice {
  readonly previous: number;
  readonly revision: number;
  /** The changed series; undefined when they are too many for a notice, or when the catalogue changed. */
  readonly series: readonly number[] | undefined;
}

/** A notice about derived series that advanced to a revision. */
export interface DerivedNotice {
  readonly derived: number;
  /** The series whose points changed; undefined when they are too many for a notice. */
  readonly series: readonly number[] | undefined;
  /** Series that advanced without a change. Only requests that wait for the revision need them. */
  readonly unchanged: readonly number[];
}

/** A notice about an import whose row changed. */
interface ImportNotice {
  readonly import: number;
}

export type Notice = CommitNotice | DerivedNotice | ImportNotice;

/** The jobs and their data. */
export interface Jobs {
  /** Check whether lanes have fallen behind. */
  advance: Record<string, never>;
  /** Run the backfill of one definition. */
  build: { readonly definition: number };
  /** Merge fresh blocks of the series of one partition. */
  seal: { readonly partition: number };
  /** Run or resume an import. */
  import: { readonly import: number };
  /** Compute a summary of an import's table. */
  summary: { readonly import: number; readonly groupBy: string; readonly of: string; readonly fn: string };
  /** Find work that no commit announces: quiet series, expired data. */
  sweep: Record<string, never>;
}

export type JobName = keyof Jobs;

export type JobHandlers = { readonly [Name in JobName]: (data: Jobs[Name]) => Promise<void> };

export interface Stoppable {
  stop(): Promise<void>;
}

/** Wakes workers and announces commits. A lost message loses nothing, because every process also polls the store. */
export interface Bell {
  readonly name: 'postgres' | 'redis';
  /** True when the commit statement itself sends the notice, so that `tell` has nothing to do. */
  readonly ringsInCommit: boolean;
  tell(notice: Notice): void;
  /** `onNotice` is also called without a notice when one may have been missed. */
  listen(onNotice: (notice: Notice | undefined) => void): Promise<Stoppable>;
  /** Queues a job, unless the same job is already waiting. An urgent job goes before waiting ones. */
  wake<Name extends JobName>(name: Name, id: string, data: Jobs[Name], isUrgent?: boolean): Promise<void>;
  /** Queues a job at an interval. */
  every<Name extends JobName>(name: Name, everyMillis: number, data: Jobs[Name]): Promise<void>;
  work(handlers: JobHandlers, concurrency: number): Promise<Stoppable>;
  stop(): Promise<void>;
}

export interface BellOptions {
  /** Separates this store from others on the same server. */
  readonly storeId: number;
  readonly log: (line: string) => void;
}

export function parseNotice(payload: string): Notice | undefined {
  try {
    const notice: unknown = JSON.parse(payload);
    if (typeof notice !== 'object' || notice === null) return undefined;
    const { previous, revision, derived, import: ofImport, ...given } = notice as Record<string, unknown>;
    if (typeof ofImport === 'number') return { import: ofImport };
    const series = idsOf(given.series);
    if (typeof derived === 'number') return { derived, series, unchanged: idsOf(given.unchanged) ?? [] };
    if (typeof previous !== 'number' || typeof revision !== 'number') return undefined;
    return { previous, revision, series };
  } catch {
    return undefined;
  }
}

function idsOf(given: unknown): number[] | undefined {
  return Array.isArray(given) ? given.filter((id) => typeof id === 'number') : undefined;
}
