/** Answers of this length or more are kept as bytes that all recipients share. */
const sharedMin = 16_000;

/** The answer to an event as JSON, with the cursor of its client afterwards. */
export class SerializedEvent {
  readonly cursor: number;
  /** Nothing is sent after it. */
  readonly isLast: boolean;
  /** Undefined for a long answer: a slow client may hold it for long, and it must not exist twice. */
  readonly text: string | undefined;
  #bytes: Buffer | undefined;

  constructor(json: string, cursor: number, isLast = false) {
    this.cursor = cursor;
    this.isLast = isLast;
    if (json.length < sharedMin) this.text = json;
    else this.#bytes = Buffer.from(json);
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(this.text ?? '');
    return this.#bytes;
  }
}
