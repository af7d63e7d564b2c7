import type { ServerResponse } from 'node:http';
import { Outflow } from './outflow.ts';

/** Programs that show tables take a text that begins so for a formula. */
const formulaStart = /^[=+\-@\t\r]/;

/** A text as a cell of CSV that is shown as what it is, wherever it is opened. */
export function textCell(text: string): string {
  const safe = formulaStart.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Under which name a file is kept, for old programs and for those that know all characters. */
export function dispositionOf(filename: string): string {
  const plain = filename.replace(/[^\w.-]/g, '_');
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

export interface Download {
  readonly filename: string;
  readonly type: string;
  readonly parts: AsyncGenerator<string>;
}

/** Who waits for its client looks this often whether it reads at all. */
const attendMillis = 1_000;

/**
 * Sends parts one by one as the client reads them; a client that reads nothing for `slowMillis` is cut off. What fails
 * before the first part can be told; behind it the connection ends early, so that nobody takes a part for the whole.
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

/** Resolves when the client has read, or is gone. */
async function drained(response: ServerResponse, slowMillis: number): Promise<void> {
  const { socket } = response;
  if (!socket || response.destroyed) return;
  const outflow = new Outflow(socket);
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
