import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App } from '../schema/app.ts';
import { OperationReads } from '../schema/operation-reads.ts';
import { onDisconnect } from './client-disconnect.ts';
import { ConnectionCounter, type NameClient } from './client-limits.ts';
import { sendDownload } from './download.ts';
import { exportOf, rejectsOf } from './export.ts';
import { BodyFault, toBodyFault } from './request-body.ts';
import type { TusUploads } from './tus.ts';

const nothingThere =
  'There is nothing here. The API is at /graphql; files come at /uploads and go at /export/KEY.csv, /export/KEY.ndjson and /imports/ID/rejects.csv.';

/** The number of concurrent exports: each holds some blocks in memory. */
const downloadsPerClient = 16;

/** Handles the requests that carry files: uploads and downloads. */
export class FileRequests {
  readonly #app: App;
  readonly #uploads: TusUploads;
  readonly #slowMillis: number;
  readonly #nameOf: NameClient;
  readonly #downloads = new ConnectionCounter(downloadsPerClient);

  constructor(app: App, uploads: TusUploads, { slowMillis, nameOf }: { slowMillis: number; nameOf: NameClient }) {
    this.#app = app;
    this.#uploads = uploads;
    this.#slowMillis = slowMillis;
    this.#nameOf = nameOf;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path, search] = (request.url ?? '/').split(/\?(.*)/s);
    if (isUploadPath(path)) return this.#uploads.answer(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new BodyFault(405, 'BAD_USER_INPUT', 'This can only be read: use GET.');
    const client = this.#nameOf(request);
    if (!this.#downloads.enter(client)) {
      const message = `At most ${downloadsPerClient} files go to one client at once: ask again when one of them is there.`;
      throw new BodyFault(429, 'RATE_LIMITED', message);
    }
    try {
      const operation = new OperationReads(this.#app, onDisconnect(response));
      const parameters = new URLSearchParams(search);
      const download =
        (await exportOf(this.#app, operation, path, parameters)) ?? (await rejectsOf(this.#app, path, parameters));
      if (!download) throw sendNotFound();
      await sendDownload(response, download, this.#slowMillis);
    } catch (error) {
      throw toBodyFault(error);
    } finally {
      this.#downloads.leave(client);
    }
  }

  stop(): Promise<void> {
    return this.#uploads.stop();
  }
}

export function isUploadPath(path: string): boolean {
  return /^\/uploads(\/|\?|$)/.test(path);
}

export function isFilePath(path: string): boolean {
  return isUploadPath(path) || path.startsWith('/export/') || path.startsWith('/imports/');
}

export function sendNotFound(): BodyFault {
  return new BodyFault(404, 'NOT_FOUND', nothingThere);
}
