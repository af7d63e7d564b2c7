/** What the bell says of a commit. It may be lost, come twice or late: whoever hears it reads the store. */
export interface CommitNotice {
  readonly previous: number;
  readonly revision: number;
  /** The series that it touched; undefined when they were too many to say, or the catalogue changed. */
  readonly series: readonly number[] | undefined;
}

/** What the bell says of derived series that were brought to a revision. */
export interface DerivedNotice {
  readonly derived: number;
  /** The series whose points changed; undefined when they were too many to say. */
  readonly series: readonly number[] | undefined;
  /** Those that came out as they were: of interest only to those who wait for them to get there. */
  readonly unchanged: readonly number[];
}

/** An import that has something new to show. */
export interface ImportNotice {
  readonly import: number;
}

export type Notice = CommitNotice | DerivedNotice | ImportNotice;

/** The jobs there are, each with what it carries. */
export interface Jobs {
  /** Look whether lanes have fallen behind. */
  advance: Record<string, never>;
  /** Bring one definition a long way: compute it for the first time, or much of it again. */
  build: { readonly definition: number };
  /** Merge fresh blocks of the series of one partition. */
  seal: { readonly partition: number };
  /** Go on with an import. */
  import: { readonly import: number };
  /** Compute a summary of its table. */
  summary: { readonly import: number; readonly groupBy: string; readonly of: string; readonly fn: string };
  /** Look after everything that no commit rings for: what is quiet, what is old. */
  sweep: Record<string, never>;
}

export type JobName = keyof Jobs;

export type JobHandlers = { readonly [Name in JobName]: (data: Jobs[Name]) => Promise<void> };

export interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Wakes workers and tells of commits. Losing all it ever said loses nothing: every process also compares with the
 * store by itself.
 */
export interface Bell {
  readonly name: 'postgres' | 'redis';
  /** Whether the commit statement itself rings, so that `tell` has nothing to do. */
  readonly ringsInCommit: boolean;
  tell(notice: Notice): void;
  /** `onNotice` is also called without a notice when something may have been missed. */
  listen(onNotice: (notice: Notice | undefined) => void): Promise<Stoppable>;
  /** Asks for a job; one that is waiting already is not doubled. An urgent one goes before those that wait. */
  wake<Name extends JobName>(name: Name, id: string, data: Jobs[Name], isUrgent?: boolean): Promise<void>;
  /** Asks for a job again and again. */
  every<Name extends JobName>(name: Name, everyMillis: number, data: Jobs[Name]): Promise<void>;
  work(handlers: JobHandlers, concurrency: number): Promise<Stoppable>;
  stop(): Promise<void>;
}

export interface BellOptions {
  /** Tells the store apart from others that ring over the same server. */
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
