import type { CommitNotice } from '../../bell/bell.ts';
import type { Database } from '../../store/connect.ts';
import type { TakenImport } from '../../store/imports/import-work.ts';
import type { ImportInput } from '../import-input.ts';
import type { ByteSource } from '../text/tick-batch.ts';
import type { FileReader } from './file-reader.ts';
import type { ImportLease } from './import-lease.ts';

/** One run of an import: its lease, its input and its resources. */
export interface ImportRun {
  readonly database: Database;
  readonly lease: ImportLease;
  readonly taken: TakenImport;
  readonly input: ImportInput;
  readonly source: ByteSource;
  readonly reader: FileReader;
  readonly sizes: ImportSizes;
  /** Whether a commit itself rings. */
  readonly announce: boolean;
  readonly onCommit: (notice: CommitNotice) => void;
  /** Notifies the subscribers of the import. */
  readonly notify: () => Promise<void>;
}

export interface ImportSizes {
  /** The number of ticks that are buffered before they are staged. */
  readonly ticks: number;
  /** The number of blocks that one commit publishes. */
  readonly blocks: number;
}

export const defaultImportSizes: ImportSizes = { ticks: 524_288, blocks: 4_096 };
