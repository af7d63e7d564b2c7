import { everything } from '../engine/ranges.ts';
import { lowerBound, sliceVersions, type Versions } from '../engine/versions.ts';

export interface SealSizes {
  /** The target size of sealed blocks, in versions. */
  readonly blockVersions: number;
  /** The target number of versions per stored pair of extremes. */
  readonly chunkVersions: number;
  /** The limits of one pass, which keep memory and transactions small. */
  readonly passVersionsMax: number;
  readonly passBlocksMax: number;
  /** The limit of sealed blocks that one pass considers. */
  readonly passHeadsMax: number;
}

/** Tests use smaller sizes, so that few points make many blocks. */
export const sealSizes: SealSizes = {
  blockVersions: 4_096,
  chunkVersions: 256,
  passVersionsMax: 200_000,
  passBlocksMax: 50_000,
  passHeadsMax: 20_000,
};

/**
 * Drops versions that were overwritten at or before the horizon, and deletions of that age: no readable revision needs
 * them. Later versions stay.
 */
export function forget(versions: Versions, horizon: number): Versions {
  const kept: number[] = [];
  for (let i = 0; i < versions.t.length; i++) {
    const old = versions.revision[i] <= horizon;
    const overwritten = versions.t[i + 1] === versions.t[i] && versions.revision[i + 1] <= horizon;
    if (old && (overwritten || Number.isNaN(versions.value[i]))) continue;
    kept.push(i);
  }
  if (kept.length === versions.t.length) return versions;
  const pick = (column: Float64Array) => Float64Array.from(kept, (i) => column[i]);
  return {
    t: pick(versions.t),
    revision: pick(versions.revision),
    value: pick(versions.value),
    size: versions.size && pick(versions.size),
  };
}

/** Cuts versions into blocks of about the target size, never between two versions of one instant. */
export function cutVersions(versions: Versions, blockVersions: number): Versions[] {
  const length = versions.t.length;
  const count = Math.max(1, Math.round(length / blockVersions));
  const blocks: Versions[] = [];
  let start = 0;
  for (let i = 1; i <= count && start < length; i++) {
    let end = i === count ? length : Math.floor((length * i) / count);
    while (end < length && versions.t[end] === versions.t[end - 1]) end++;
    if (end > start) blocks.push(sliceVersions(versions, start, end));
    start = Math.max(start, end);
  }
  return blocks;
}

export interface SealedHead {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly versions: number;
}

interface Plan {
  readonly replaced: readonly number[];
  /** The starts of blocks that stay. No new block may extend over one. */
  readonly walls: readonly number[];
  /** The pass ends before this instant. */
  readonly cut: number;
}

/**
 * Finds the sealed blocks that the instants fall into. Instants after a block that is not full join it, so that a
 * growing series has full blocks.
 */
export function planSeal(instants: Float64Array, heads: readonly SealedHead[], sizes: SealSizes): Plan {
  const replaced: number[] = [];
  const walls: number[] = [];
  let size = 0;
  for (let h = 0; h < heads.length; h++) {
    const head = heads[h];
    if (size > sizes.passVersionsMax) return { replaced, walls, cut: head.from };
    const reach = head.versions < sizes.blockVersions * 0.75 ? (heads[h + 1]?.from ?? everything.to) - 1 : head.to;
    const at = lowerBound(instants, head.from);
    if (at < instants.length && instants[at] <= reach) {
      replaced.push(head.id);
      size += head.versions;
    } else {
      walls.push(head.from);
    }
  }
  const cut = heads.length < sizes.passHeadsMax ? everything.to : heads[heads.length - 1].from;
  return { replaced, walls, cut };
}

/** Cuts versions at the starts of blocks that stay. */
export function splitAt(versions: Versions, walls: readonly number[]): Versions[] {
  const bounds = [...walls.map((wall) => lowerBound(versions.t, wall)), versions.t.length];
  const parts: Versions[] = [];
  let start = 0;
  for (const bound of bounds) {
    if (bound > start) parts.push(sliceVersions(versions, start, bound));
    start = Math.max(start, bound);
  }
  return parts;
}
