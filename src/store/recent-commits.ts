import type { Versions } from '../engine/versions.ts';
import type { Column } from './block-columns.ts';
import { type SeriesDelta, versionsMax } from './series-delta.ts';

/** What a commit said of series, block by block, each at a revision. */
export interface CommittedBlocks {
  /** The revision before it, and its last one. */
  readonly previous: number;
  readonly revision: number;
  readonly blocks: readonly { readonly series: number; readonly revision: number; readonly column: Column }[];
}

const pointsMax = 50_000;
const commitsMax = 256;

/**
 * What this process committed last, as the database has acknowledged it: whoever follows is told without asking for it again.
 * It goes back without a gap to the last revision that another process made, or that did more than write ticks.
 */
export class RecentCommits {
  #since = Number.POSITIVE_INFINITY;
  #upTo = 0;
  #commits: { readonly revision: number; readonly points: number; readonly said: Map<number, Versions[]> }[] = [];
  #points = 0;

  add({ previous, revision, blocks }: CommittedBlocks): void {
    if (previous !== this.#upTo) {
      this.#since = previous;
      this.#commits = [];
      this.#points = 0;
    }
    this.#upTo = revision;
    const said = new Map<number, Versions[]>();
    let points = 0;
    let last = { at: 0, revisions: new Float64Array(0) };
    for (const { series, revision: at, column } of blocks) {
      const { length } = column.t;
      // Most of them are as long as the one before, of the same revision.
      if (last.at !== at || last.revisions.length !== length)
        last = { at, revisions: new Float64Array(length).fill(at) };
      const { t, value, size } = column;
      const versions = { t, value, size, revision: last.revisions };
      const known = said.get(series);
      if (known) known.push(versions);
      else said.set(series, [versions]);
      points += column.t.length;
    }
    this.#commits.push({ revision, points, said });
    this.#points += points;
    while (this.#commits.length > commitsMax || this.#points > pointsMax) {
      const [oldest] = this.#commits.splice(0, 1);
      this.#since = oldest.revision;
      this.#points -= oldest.points;
    }
  }

  /** The news of source series, where all that they tell of was said here. */
  news(series: readonly { readonly id: number }[], after: number, upTo: number): SeriesDelta[] | undefined {
    if (after < this.#since || upTo > this.#upTo) return undefined;
    const news: SeriesDelta[] = [];
    for (const { id } of series) {
      const blocks: Versions[] = [];
      let isLarge = false;
      for (let i = this.#commits.length - 1; i >= 0 && this.#commits[i].revision > after; i--) {
        const said = this.#commits[i].said.get(id);
        if (!said) continue;
        for (const block of said) {
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
