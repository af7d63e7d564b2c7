import type { ServerResponse } from 'node:http';
import { SendBuffer } from './backpressure.ts';

/** Spreadsheets treat a text with such a start as a formula. */
const formulaStart = /^[=+\-@\t\r]/;

/** A text as a CSV cell that spreadsheets show literally. */
export function textCell(text: string): string {
  const safe = formulaStart.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The Content-Disposition header: a name in ASCII for old programs, and the full name. */
function dispositionOf(filename: string): string {
  const plain = filename.replace(/[^\w.-]/g, '_');
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

export interface Download {
  readonly filename: string;
  readonly type: string;
  readonly parts: AsyncGenerator<string>;
}

/** The interval at which a blocked download checks whether its client still reads. */
const attendMillis = 1_000;

/**
 * Sends parts at the speed of the client, and disconnects a client that reads nothing for `slowMillis`. An error before
 * the first part becomes an error response; later it cuts the connection, so that no client mistakes a part for the
 * whole.
 */
export async function sendDownload(response: ServerResponse, download: Download, slowMillis: number): Promise<void> {
  const { parts, filename, type } = download;
  const first = await parts.next();
  response.writeHead(200, {
    'content-type': type,
    'content-disposition': dispositionOf(filename),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  });
  try {
    const isBodyAsked = response.req.method !== 'HEAD';
    for (let part = first; isBodyAsked && !part.done; part = await parts.next()) {
      if (response.destroyed) return;
      if (!response.write(part.value)) await drained(response, slowMillis);
    }
    response.end();
  } finally {
    await parts.return(undefined);
  }
}

/** Resolves when the client has read or disconnected. */
async function drained(response: ServerResponse, slowMillis: number): Promise<void> {
  const { socket } = response;
  if (!socket || response.destroyed) return;
  const outflow = new SendBuffer(socket);
  const attend = () => {
    if (outflow.stuckFor(performance.now()) > slowMillis) response.destroy();
  };
  const timer = setInterval(attend, Math.min(attendMillis, slowMillis / 4));
  attend();
  await new Promise<void>((resolve) => {
    const over = () => {
      clearInterval(timer);
      response.removeListener('drain', over).removeListener('close', over);
      resolve();
    };
    response.on('drain', over).on('close', over);
  });
}
