import type { CommitNotice } from '../../bell/bell.ts';
import type { Database } from '../../store/connect.ts';
import type { Taken } from '../../store/import-work.ts';
import type { ImportInput } from '../input.ts';
import type { Source } from '../text/reading.ts';
import type { Hold } from './hold.ts';
import type { Reader } from './reader.ts';

/** What work on one import needs. */
export interface Task {
  readonly database: Database;
  readonly hold: Hold;
  readonly taken: Taken;
  readonly input: ImportInput;
  readonly source: Source;
  readonly reader: Reader;
  readonly sizes: Sizes;
  /** Whether a commit itself rings. */
  readonly announce: boolean;
  readonly onCommit: (notice: CommitNotice) => void;
  /** Whoever watches sees what is new. */
  readonly tell: () => Promise<void>;
}

export interface Sizes {
  /** So many ticks are gathered before they are laid down. */
  readonly ticks: number;
  /** So many blocks are published in one commit. */
  readonly blocks: number;
}

export const usualSizes: Sizes = { ticks: 524_288, blocks: 4_096 };
