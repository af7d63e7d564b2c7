import type { Semaphore } from '../concurrency/semaphore.ts';
import type { Definer } from '../derive/define.ts';
import type { Settled } from '../derive/settled.ts';
import type { Feed } from '../feed/feed.ts';
import type { FollowedImports } from '../feed/imports.ts';
import type { ImportControl } from '../imports/import-control.ts';
import type { UploadReceiver } from '../imports/upload-receiver.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { BatchedReads } from '../store/batched-reads.ts';
import type { Catalogue } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';

interface ReadLimits {
  /** The limit of samples without thinning, and of buckets, per field. */
  readonly samplesMax: number;
  readonly candlesMax: number;
  /** The limit of points per page. */
  readonly pageMax: number;
  /** The limit of points times operators that one operation may compute formulas from. */
  readonly evaluatePointsMax: number;
}

export interface Health {
  readonly version: string;
  readonly role: string;
  readonly startedAt: number;
  readonly database: 'embedded' | 'external';
  readonly bell: 'postgres' | 'redis';
}

/** The functions and limits that resolvers use. Resolvers hold no logic of their own. */
export interface App {
  readonly database: Database;
  readonly catalogue: Catalogue;
  /** Batches reads that are requested at the same time. */
  readonly reads: BatchedReads;
  readonly ingest: Ingest;
  /** Turns uploaded bytes into imports. */
  readonly arrival: UploadReceiver;
  readonly definer: Definer;
  readonly settled: Settled;
  readonly feed: Feed;
  readonly imports: ImportControl;
  readonly followedImports: FollowedImports;
  readonly limits: ReadLimits;
  /** Limits the number of concurrent formula computations for clients. */
  readonly computing: Semaphore;
  health(): Health;
  /** Resolves to true when the database answers. */
  isReady(): Promise<boolean>;
}
