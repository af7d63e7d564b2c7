import type { Semaphore } from '../concurrency/semaphore.ts';
import type { Definer } from '../derive/define.ts';
import type { Settled } from '../derive/standing.ts';
import type { Feed } from '../feed/feed.ts';
import type { FollowedImports } from '../feed/imports.ts';
import type { ImportControl } from '../imports/import-control.ts';
import type { UploadReceiver } from '../imports/upload-receiver.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { Catalogue } from '../store/catalogue.ts';
import type { Database } from '../store/connect.ts';
import type { Reads } from '../store/reads.ts';

export interface ReadLimits {
  /** Samples without thinning, and buckets, of one field. */
  readonly samplesMax: number;
  readonly candlesMax: number;
  /** Points of one page. */
  readonly pageMax: number;
  /** Points that one operation may compute formulas from, times their operators. */
  readonly evaluatePointsMax: number;
}

export interface Health {
  readonly version: string;
  readonly role: string;
  readonly startedAt: number;
  readonly database: 'embedded' | 'external';
  readonly bell: 'postgres' | 'redis';
}

/** What resolvers call; they hold no logic of their own. */
export interface App {
  readonly database: Database;
  readonly catalogue: Catalogue;
  /** Reads together what is asked for at the same time. */
  readonly reads: Reads;
  readonly ingest: Ingest;
  /** How the bytes of files become imports. */
  readonly arrival: UploadReceiver;
  readonly definer: Definer;
  readonly settled: Settled;
  readonly feed: Feed;
  readonly imports: ImportControl;
  readonly followedImports: FollowedImports;
  readonly limits: ReadLimits;
  /** What computes formulas for clients goes through here, so that others get their turn. */
  readonly computing: Semaphore;
  health(): Health;
  /** Whether the database answers. */
  isReady(): Promise<boolean>;
}
