import type { IncomingMessage } from 'node:http';
import { Fault } from '../engine/fault.ts';
import { asFault } from '../store/retry.ts';

/** The limit for all bodies that are being read, as a multiple of the largest body. */
const allBodiesFactor = 4;

/** The time limit for receiving a body. */
const bodyMillis = 120_000;

const statuses: Readonly<Record<Fault['code'], number>> = {
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  GONE: 410,
  TOO_EXPENSIVE: 413,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

export class BodyFault extends Fault {
  readonly status: number;

  constructor(status: number, code: Fault['code'], message: string) {
    super(code, message);
    this.status = status;
  }
}

/** The HTTP status and message of an error that concerns the request itself; any other error stays unchanged. */
export function toBodyFault(error: unknown): unknown {
  const fault = asFault(error);
  if (!(fault instanceof Fault) || fault instanceof BodyFault) return fault;
  return new BodyFault(statuses[fault.code], fault.code, fault.message);
}

/** Calls back when a body takes too long. */
export function onBodyTimeout(request: IncomingMessage, late: (fault: BodyFault) => void): () => void {
  const tell = () => {
    if (!request.complete)
      late(new BodyFault(408, 'BAD_USER_INPUT', `The request took longer than ${bodyMillis / 1000} s to come.`));
  };
  const timer = setTimeout(tell, bodyMillis).unref();
  return () => clearTimeout(timer);
}

/** Reads request bodies with limits for each and for all together. */
export class BodyReader {
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
    let inTime = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        inTime = onBodyTimeout(request, reject);
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
      inTime();
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
