import type { Fault } from '../engine/fault.ts';
import type { FoldedEvent } from './followed.ts';

/** What clients are sent of an event. */
export type Render<Change, Told> = (event: FoldedEvent<Change>) => Told | Promise<Told>;

/** An event, made ready for clients when the first one is to have it. */
export class Step<Change, Told> {
  readonly cursor: number;
  readonly isEmpty: boolean;
  /** What was known to have happened when it was read. */
  readonly news: number;
  /** Why nothing comes after it. */
  readonly end: Fault | undefined;
  readonly #event: FoldedEvent<Change>;
  readonly #render: Render<Change, Told>;
  #told: Told | Promise<Told> | undefined;

  constructor(event: FoldedEvent<Change>, news: number, render: Render<Change, Told>) {
    this.cursor = event.cursor;
    this.isEmpty = event.changes.length === 0;
    this.news = news;
    this.end = event.end;
    this.#event = event;
    this.#render = render;
  }

  told(): Told | Promise<Told> {
    this.#told ??= this.#render(this.#event);
    return this.#told;
  }
}
