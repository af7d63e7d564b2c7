import type { IncomingMessage } from 'node:http';
import { Fault } from '../engine/fault.ts';

/** All bodies that are being read hold at most so much, as a multiple of the largest one. */
const allBodiesFactor = 4;

export class BodyFault extends Fault {
  readonly status: number;

  constructor(status: number, code: Fault['code'], message: string) {
    super(code, message);
    this.status = status;
  }
}

/** Reads request bodies, each and all together within bounds. */
export class Bodies {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  async read(request: IncomingMessage): Promise<Buffer> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.#bytesMax) throw this.#tooLarge();
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      await new Promise<void>((resolve, reject) => {
        request.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          this.#bytes += chunk.length;
          if (bytes > this.#bytesMax) reject(this.#tooLarge());
          else if (this.#bytes > this.#bytesMax * allBodiesFactor) reject(this.#tooMany());
          else chunks.push(chunk);
        });
        request.on('end', resolve);
        request.on('error', reject);
        request.on('close', () => {
          if (!request.complete) reject(new BodyFault(400, 'BAD_USER_INPUT', 'The request ended before its body did.'));
        });
      });
      return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    } finally {
      this.#bytes -= bytes;
      request.removeAllListeners('data');
    }
  }

  #tooMany(): BodyFault {
    return new BodyFault(503, 'UNAVAILABLE', 'Too many large requests at once. Try again in a moment.');
  }

  #tooLarge(): BodyFault {
    const megabytes = (this.#bytesMax / 1_000_000).toLocaleString('en');
    return new BodyFault(413, 'TOO_EXPENSIVE', `A request holds at most ${megabytes} MB (BODY_MB_MAX): send several.`);
  }
}
