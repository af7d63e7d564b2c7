import type { CommitNotice } from '../../bell/bell.ts';
import type { Database } from '../../store/connect.ts';
import type { Taken } from '../../store/import-work.ts';
import type { ImportInput } from '../import-input.ts';
import type { ByteSource } from '../text/tick-batch.ts';
import type { FileReader } from './file-reader.ts';
import type { ImportLease } from './import-lease.ts';

/** What work on one import needs. */
export interface ImportRun {
  readonly database: Database;
  readonly lease: ImportLease;
  readonly taken: Taken;
  readonly input: ImportInput;
  readonly source: ByteSource;
  readonly reader: FileReader;
  readonly sizes: ImportSizes;
  /** Whether a commit itself rings. */
  readonly announce: boolean;
  readonly onCommit: (notice: CommitNotice) => void;
  /** Whoever watches sees what is new. */
  readonly notify: () => Promise<void>;
}

export interface ImportSizes {
  /** So many ticks are gathered before they are laid down. */
  readonly ticks: number;
  /** So many blocks are published in one commit. */
  readonly blocks: number;
}

export const defaultImportSizes: ImportSizes = { ticks: 524_288, blocks: 4_096 };
