/** Answers of so many characters are kept as bytes, which all who are sent them share. */
const sharedMin = 16_000;

/** The answer to an event, as JSON, and the revision that its client then holds. */
export class Told {
  readonly cursor: number;
  /** Undefined when it is long: who is late may hold it for long, and it is not to be there twice. */
  readonly text: string | undefined;
  #bytes: Buffer | undefined;

  constructor(json: string, cursor: number) {
    this.cursor = cursor;
    if (json.length < sharedMin) this.text = json;
    else this.#bytes = Buffer.from(json);
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.text ?? '');
    return this.#bytes;
  }
}
