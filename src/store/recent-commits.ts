import type { Versions } from '../engine/versions.ts';
import type { Column } from './block-columns.ts';
import { type SeriesDelta, versionsMax } from './series-delta.ts';

/** The blocks that a commit wrote, each at a revision. */
export interface CommittedBlocks {
  /** The revision before the commit, and its last one. */
  readonly previous: number;
  readonly revision: number;
  readonly blocks: readonly { readonly series: number; readonly revision: number; readonly column: Column }[];
}

const pointsMax = 50_000;
const commitsMax = 256;

/**
 * The newest commits of this process, kept so that subscriptions need not read them from the database. They are
 * complete from `#since` on: a commit of another process, or one that did more than write ticks, starts them anew.
 */
export class RecentCommits {
  #since = Number.POSITIVE_INFINITY;
  #upTo = 0;
  #commits: { readonly revision: number; readonly points: number; readonly written: Map<number, Versions[]> }[] = [];
  #points = 0;

  add({ previous, revision, blocks }: CommittedBlocks): void {
    if (previous !== this.#upTo) {
      this.#since = previous;
      this.#commits = [];
      this.#points = 0;
    }
    this.#upTo = revision;
    const written = new Map<number, Versions[]>();
    let points = 0;
    let last = { at: 0, revisions: new Float64Array(0) };
    for (const { series, revision: at, column } of blocks) {
      const { length } = column.t;
      // Most blocks of a commit have the same length and revision, and share the array.
      if (last.at !== at || last.revisions.length !== length)
        last = { at, revisions: new Float64Array(length).fill(at) };
      const { t, value, size } = column;
      const versions = { t, value, size, revision: last.revisions };
      const known = written.get(series);
      if (known) known.push(versions);
      else written.set(series, [versions]);
      points += column.t.length;
    }
    this.#commits.push({ revision, points, written });
    this.#points += points;
    while (this.#commits.length > commitsMax || this.#points > pointsMax) {
      const [oldest] = this.#commits.splice(0, 1);
      this.#since = oldest.revision;
      this.#points -= oldest.points;
    }
  }

  /** The deltas of source series; undefined when the commits kept here do not cover them. */
  news(series: readonly { readonly id: number }[], after: number, upTo: number): SeriesDelta[] | undefined {
    if (after < this.#since || upTo > this.#upTo) return undefined;
    const news: SeriesDelta[] = [];
    for (const { id } of series) {
      const blocks: Versions[] = [];
      let isLarge = false;
      for (let i = this.#commits.length - 1; i >= 0 && this.#commits[i].revision > after; i--) {
        const written = this.#commits[i].written.get(id);
        if (!written) continue;
        for (const block of written) {
          if (block.revision[0] <= after || block.revision[0] > upTo) continue;
          blocks.push(block);
          isLarge ||= block.t.length > versionsMax;
        }
      }
      news.push({ deleted: undefined, hasHeir: false, blocks: isLarge ? undefined : blocks });
    }
    return news;
  }
}
