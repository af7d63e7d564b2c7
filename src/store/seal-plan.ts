import { everything } from '../engine/ranges.ts';
import { lowerBound, sliceVersions, type Versions } from '../engine/versions.ts';

export interface SealSizes {
  /** The size that sealed blocks are cut to. */
  readonly blockVersions: number;
  /** Extremes are kept for about so many versions each. */
  readonly chunkVersions: number;
  /** At most so much is merged and replaced in one go, so that memory and a transaction stay small. */
  readonly passVersionsMax: number;
  readonly passBlocksMax: number;
  /** At most so many sealed blocks are looked at in one pass. */
  readonly passHeadsMax: number;
}

/** Others are for tests: small blocks show with few points what large ones do with many. */
export const sealSizes: SealSizes = {
  blockVersions: 4_096,
  chunkVersions: 256,
  passVersionsMax: 200_000,
  passBlocksMax: 50_000,
  passHeadsMax: 20_000,
};

/**
 * Versions that were overwritten at or before the horizon, and deletions of that age, can no longer be asked for and go;
 * what was said after it stays.
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

/** Cuts versions into blocks of about the target's size, never between two versions of one instant. */
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
  /** Where blocks that stay begin: no new block may reach over one. */
  readonly walls: readonly number[];
  /** The pass ends before this instant. */
  readonly cut: number;
}

/**
 * Which sealed blocks the instants fall into. Instants behind a block that is not full join it, so that a series that
 * only grows is kept in full blocks.
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

/** Cuts where a block that stays begins. */
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
