/** The answer to an event, as JSON, and the revision that its client then holds. */
export class Told {
  readonly json: string;
  readonly cursor: number;
  #bytes: Buffer | undefined;

  constructor(json: string, cursor: number) {
    this.json = json;
    this.cursor = cursor;
  }

  /** The same for all who share it. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.json);
    return this.#bytes;
  }
}
