import type { ImportRow } from '../store/imports/import-rows.ts';
import type { Member } from './flow.ts';
import { pulled } from './following.ts';
import type { FollowedImports } from './imports.ts';

/** What a client is sent of an import, and whether it is the last of it. */
export interface Progress<Told> {
  readonly told: Told;
  readonly isLast: boolean;
}

/** Of an import in one of these nothing more comes by itself. One that is PREVIEWED may be committed yet. */
export function hasEnded({ status }: ImportRow): boolean {
  return status === 'DONE' || status === 'FAILED' || status === 'CANCELLED' || status === 'UNDONE';
}

/**
 * What becomes of one import: as it stands, then again whenever it shows something new, until it has ended. A client that is
 * slow costs nothing but its place: when it can take more it is told how things stand by then.
 */
export class ImportProgress implements AsyncIterable<ImportRow> {
  readonly #imports: FollowedImports;
  readonly #begun: ImportRow;

  constructor(imports: FollowedImports, begun: ImportRow) {
    this.#imports = imports;
    this.#begun = begun;
  }

  /** Returns how to leave. */
  join<Told>(member: Member<Told>, render: (row: ImportRow) => Promise<Progress<Told>>): () => void {
    let hasLeft = false;
    let wake: () => void = () => undefined;
    const unwatch = this.#imports.watch(this.#begun, () => wake());
    this.#imports.followers++;
    const leave = () => {
      if (hasLeft) return;
      hasLeft = true;
      unwatch();
      this.#imports.followers--;
      wake();
    };
    const isOver = () => hasLeft || this.#imports.stopped;
    const follow = async () => {
      let shown: ImportRow | undefined;
      while (!isOver()) {
        await member.ready();
        const row = this.#imports.row(this.#begun.id);
        if (row === undefined || isOver()) return;
        if (row === shown) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const { told, isLast } = await render(row);
        if (isOver()) return;
        shown = row;
        member.send(told);
        if (isLast) return;
      }
    };
    const end = (error?: unknown) => {
      if (hasLeft) return;
      leave();
      member.end(error);
    };
    follow().then(() => end(), end);
    return leave;
  }

  [Symbol.asyncIterator](): AsyncGenerator<ImportRow, void> {
    return pulled((member) => this.join(member, async (row) => ({ told: row, isLast: hasEnded(row) })));
  }
}
