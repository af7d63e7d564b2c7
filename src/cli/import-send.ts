import { type DetailedError, Upload } from 'tus-js-client';
import { Fault } from '../engine/fault.ts';
import type { ImportFile } from './import-file.ts';
import { causeOf } from './import-server.ts';

/** The size of one request. A lost connection costs at most the bytes that the server had not stored yet. */
const chunkBytes = 8 << 20;

/**
 * The delays between attempts in milliseconds. Each received byte restarts the list, so the command gives up after some
 * minutes without progress.
 */
const retryDelays = [0, 200, 500, 1_000, 2_000, ...Array.from({ length: 60 }, () => 5_000)];

/** The time without progress after which the command drops a request: a connection can be lost silently. */
const silenceMillis = 60_000;

/**
 * Answers that are normal when a client returns, when another client sends the same file, or while the server restarts.
 */
function isPassing(status: number): boolean {
  return status === 409 || status === 423 || status === 429 || status === 460 || status >= 500;
}

function isDetailed(error: Error | DetailedError): error is DetailedError {
  return 'originalRequest' in error;
}

function faultOf(error: Error | DetailedError): Fault {
  if (!isDetailed(error)) return new Fault('UNAVAILABLE', `It could not be sent: ${error.message}`);
  if (error.causingError instanceof Fault) return error.causingError;
  const answer = error.originalResponse;
  const why = answer
    ? `the server answers ${answer.getStatus()}: ${answer.getBody().trim() || 'nothing else'}`
    : causeOf(error.causingError ?? error);
  return new Fault('UNAVAILABLE', `It could not be sent: ${why}. The same command goes on where it was.`);
}

export interface SendOptions {
  readonly onBytes: (bytes: number) => void;
  /** Called when the connection is lost or the server is unreachable, before the next attempt. */
  readonly onRetry: (why: string) => void;
}

/** Sends the bytes that the server does not have yet. It survives any number of lost connections. */
export async function sendFile(file: ImportFile, url: string, { onBytes, onRetry }: SendOptions): Promise<void> {
  let moved = performance.now();
  let watch: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(Buffer.alloc(0), {
        uploadUrl: url,
        uploadSize: file.size,
        chunkSize: chunkBytes,
        retryDelays,
        storeFingerprintForResuming: false,
        fingerprint: async () => '',
        // Replaces the library's file reader, which does not notice that a file changes.
        fileReader: {
          openFile: async () => ({
            size: file.size,
            slice: async (start, end) => {
              const bytes = await file.slice(start, end);
              return { value: Object.assign(bytes, { size: bytes.length }), done: end >= file.size };
            },
            close: () => undefined,
          }),
        },
        onProgress: (bytes) => {
          moved = performance.now();
          onBytes(bytes);
        },
        onShouldRetry: (error) => {
          moved = performance.now();
          if (error.causingError instanceof Fault) return false;
          const status = error.originalResponse?.getStatus();
          if (status !== undefined && !isPassing(status)) return false;
          onRetry(status === undefined ? causeOf(error.causingError ?? error) : `the server answers ${status}`);
          return true;
        },
        onError: (error) => reject(faultOf(error)),
        onSuccess: () => resolve(),
      });
      watch = setInterval(() => {
        if (performance.now() - moved < silenceMillis) return;
        moved = performance.now();
        onRetry(`nothing was heard for ${silenceMillis / 1_000} s`);
        // An aborted upload reports its abort once more. That report must not fail the next attempt.
        void upload.abort().then(() => setTimeout(() => upload.start(), retryDelays[1]));
      }, 1_000);
      upload.start();
    });
    await file.mustBeUnchanged();
  } finally {
    clearInterval(watch);
  }
}
