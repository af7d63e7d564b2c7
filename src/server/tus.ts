import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ERRORS, type Lock, type Locker, Server } from '@tus/server';
import { Fault } from '../engine/fault.ts';
import { isUploadId } from '../imports/upload-bytes.ts';
import type { UploadReceiver } from '../imports/upload-receiver.ts';
import type { Report } from '../schema/faults.ts';
import { asFault, isDiskFull } from '../store/retry.ts';
import { LockTaken, type Taker, type UploadLocks } from '../store/uploads/upload-locks.ts';
import { checksumAlgorithms, checksumOf } from './checksum.ts';
import type { NameClient } from './client-limits.ts';
import { BodyFault } from './request-body.ts';
import { requestIdOf } from './request-id.ts';
import {
  diskFull,
  importHeader,
  retryLaterStatus,
  TusDataStore,
  TusRefusal,
  type TusRequest,
  uploadFromMetadata,
} from './tus-store.ts';

export interface TusOptions {
  readonly expiryHours: number;
  readonly nameOf: NameClient;
  readonly report: Report;
}

/** The time without data after which a request is cut. Received bytes stay. */
const idleMillis = 60_000;

/** The time for a request to end after another request asked for its upload. */
const drainMillis = 1_000;

const methods = new Set(['POST', 'HEAD', 'PATCH', 'DELETE', 'OPTIONS']);

/** Handles uploads by the tus protocol, version 1.0.0. */
export class TusUploads {
  readonly #tus: Server;
  readonly #arrival: UploadReceiver;
  readonly #locks: UploadLocks;
  readonly #sent = new AsyncLocalStorage<TusRequest>();
  readonly #active = new Set<IncomingMessage>();
  readonly #report: Report;
  readonly #nameOf: NameClient;

  constructor(arrival: UploadReceiver, locks: UploadLocks, { expiryHours, nameOf, report }: TusOptions) {
    this.#arrival = arrival;
    this.#locks = locks;
    this.#report = report;
    this.#nameOf = nameOf;
    this.#tus = new Server({
      path: '/uploads',
      datastore: new TusDataStore(arrival, locks, this.#sent, expiryHours * 3_600_000),
      locker: this.#locker(),
      lockDrainTimeout: drainMillis,
      maxSize: arrival.limits.uploadBytesMax,
      disableTerminationForFinishedUploads: true,
      // The same rule for origins applies to all paths of this server.
      allowedOrigins: () => false,
      allowedHeaders: ['Upload-Checksum'],
      exposedHeaders: ['Upload-Expires', 'Tus-Checksum-Algorithm', importHeader],
      namingFunction: (_, metadata = {}) => {
        uploadFromMetadata(metadata);
        return randomUUID();
      },
      // Relative to the requested address, so it is valid behind any proxy, name and prefix.
      generateUrl: ({ url }, { id }) => (new URL(url).pathname.endsWith('/') ? id : `uploads/${id}`),
      getFileIdFromRequest: (_, last) => (last !== undefined && isUploadId(last) ? last : undefined),
      onUploadFinish: async (_, { id }) => {
        await arrival.finished(id);
        return {};
      },
      onResponseError: ({ method }, error) => {
        const { status_code: status, body } = this.#refusalOf(this.#sent.getStore()?.failure ?? error);
        return { status_code: method === 'HEAD' && status >= 500 ? retryLaterStatus : status, body };
      },
    });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // For networks that allow no other methods.
    const meant = request.headers['x-http-method-override'];
    if (request.method === 'POST' && (meant === 'PATCH' || meant === 'DELETE')) request.method = meant;
    if (!methods.has(request.method ?? ''))
      throw new BodyFault(405, 'BAD_USER_INPUT', 'Files are sent here by the tus protocol; they cannot be read.');
    const header = request.headers['upload-checksum'];
    const checksum = header === undefined ? undefined : checksumOf(String(header));
    if (checksum && 'problem' in checksum) throw new BodyFault(400, 'BAD_USER_INPUT', checksum.problem);
    if (request.method === 'OPTIONS') response.setHeader('tus-checksum-algorithm', checksumAlgorithms.join(','));
    request.setTimeout(idleMillis, () => request.socket.destroy());
    this.#active.add(request);
    response.once('close', () => this.#active.delete(request));
    await this.#sent.run({ request, response, checksum, by: this.#nameOf(request) }, () =>
      this.#tus.handle(request, response),
    );
  }

  /** Cuts running requests. Received bytes stay, and clients resume elsewhere. */
  async stop(): Promise<void> {
    for (const request of this.#active) request.socket.destroy();
    await this.#locks.stop();
  }

  #locker(): Locker {
    return {
      newLock: (id): Lock => {
        let taker: Taker | undefined;
        let sent: TusRequest | undefined;
        return {
          lock: async (signal, cancelRequest) => {
            sent = this.#sent.getStore();
            taker = { signal, onAsked: () => void cancelRequest(), onLost: () => sent?.request.socket.destroy() };
            await this.#locks.take(id, taker);
            if (sent) sent.taker = taker;
          },
          unlock: async () => {
            await sent?.written;
            if (taker) await this.#locks.release(id, taker);
          },
        };
      },
    };
  }

  #refusalOf(error: unknown): { status_code: number; body: string } {
    if (error instanceof LockTaken)
      return new TusRefusal(423, 'Another request is sending this file. Ask where it stands in a moment.');
    if (error === ERRORS.ERR_MAX_SIZE_EXCEEDED) return new TusRefusal(413, this.#arrival.tooLarge());
    if (typeof error === 'object' && error !== null && 'status_code' in error && 'body' in error)
      return { status_code: Number(error.status_code), body: String(error.body) };
    if (isDiskFull(error)) return diskFull();
    const fault = asFault(error);
    if (fault instanceof Fault) {
      const status = fault.code === 'UNAVAILABLE' ? 503 : fault.code === 'TOO_EXPENSIVE' ? 413 : 400;
      return new TusRefusal(status, fault.message);
    }
    const request = this.#sent.getStore()?.request;
    this.#report(error, request && requestIdOf(request));
    return new TusRefusal(500, 'Something went wrong in the server; it has been logged.');
  }
}
