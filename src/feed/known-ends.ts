import { mergeVersions, noVersions, type Versions } from '../engine/versions.ts';
import type { VersionedSource } from '../query/diff.ts';
import type { BatchedReads } from '../store/batched-reads.ts';

/** Versions that all lie behind every older version of their series; `end` is its newest instant after them. */
export interface Appended {
  readonly storage: number;
  readonly versions: Versions;
  readonly upTo: number;
  readonly end: number;
}

/**
 * For each storage an instant behind which it held no version up to some revision. Versions behind that instant are the
 * change by themselves: there is nothing to compare them with.
 */
export class KnownEnds {
  readonly #reads: BatchedReads;
  readonly #known = new Map<number, { readonly upTo: number; readonly end: number }>();

  constructor(reads: BatchedReads) {
    this.#reads = reads;
  }

  /** The versions of blocks written after a revision; undefined unless they are known to lie behind all older ones. */
  appended(
    { storage, asOf }: VersionedSource,
    blocks: readonly Versions[] | undefined,
    after: number,
  ): Appended | undefined {
    const known = this.#known.get(storage);
    if (!blocks) return undefined;
    if (blocks.length === 0) {
      // Without blocks nothing is learned of a storage that is not known.
      const [upTo, end] = known && known.upTo >= after ? [asOf, known.end] : [-1, 0];
      return { storage, versions: noVersions, upTo, end };
    }
    if (!known || known.upTo < after || blocks.some(({ t }) => t[0] <= known.end)) return undefined;
    const versions = blocks.length === 1 ? blocks[0] : mergeVersions(blocks);
    return { storage, versions, upTo: asOf, end: endOf(blocks, known.end) };
  }

  /** Finds the end of a storage, so that it is known next time. */
  async learn(
    { storage, asOf }: VersionedSource,
    blocks: readonly Versions[] | undefined,
    after: number,
  ): Promise<void> {
    const known = this.#known.get(storage);
    const end =
      blocks && known && known.upTo >= after
        ? endOf(blocks, known.end)
        : await this.#reads.end({ storage, upTo: asOf });
    this.keep({ storage, upTo: asOf, end });
  }

  keep({ storage, upTo, end }: Omit<Appended, 'versions'>): void {
    const known = this.#known.get(storage);
    if (upTo > (known?.upTo ?? -1)) this.#known.set(storage, { upTo, end });
  }
}

function endOf(blocks: readonly Versions[], end: number): number {
  return blocks.reduce((last, { t }) => Math.max(last, t[t.length - 1]), end);
}
