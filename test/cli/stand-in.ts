import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { FileStore } from '@tus/file-store';
import { Server, Upload } from '@tus/server';

interface Kept {
  readonly id: string;
  readonly input: Record<string, unknown>;
  readonly size: number;
  readonly sha256: string;
  /** What an answer says beside what is usual. */
  seen: Record<string, unknown>;
}

/** What `tidemark import` talks to, as far as it can tell: bytes come by tus, and what becomes of them is for the test to say. */
export interface StandIn {
  readonly port: number;
  readonly url: string;
  readonly imports: Kept[];
  /** What becomes of an import when all its bytes are there. */
  outcome: (kept: Kept, bytes: Buffer) => Record<string, unknown>;
  /** How many of the next calls are answered as a server does that stops. */
  refuses: number;
  /** Offsets that requests with bytes began at. */
  readonly offsets: number[];
  stop(): Promise<void>;
}

export const done = { status: 'DONE', rows: 2, accepted: 2, new: 2, fromRevision: 7, toRevision: 7 };

const usual = {
  status: 'UPLOADING',
  bytes: 0,
  rows: 0,
  accepted: 0,
  rejectedCount: 0,
  rejected: [],
  new: 0,
  changed: 0,
  unchanged: 0,
  createdSeries: [],
  movedSeries: [],
  fromRevision: null,
  toRevision: null,
  undoneRevision: null,
  restored: 0,
  kept: 0,
  problem: null,
  plan: null,
};

export async function startStandIn(): Promise<StandIn> {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-stand-in-'));
  const datastore = new FileStore({ directory: folder });
  const tus = new Server({ path: '/uploads', relativeLocation: true, datastore });
  const imports: Kept[] = [];
  const offsets: number[] = [];
  const find = (id: unknown) => imports.find((kept) => kept.id === id);

  const shown = (kept: Kept) => ({
    ...usual,
    id: kept.id,
    filename: kept.input.filename,
    size: kept.size,
    rejectsUrl: `/imports/${kept.id}/rejects.csv`,
    ...kept.seen,
  });
  const arrive = (kept: Kept) => {
    const bytes = readFileSync(join(folder, kept.id));
    const isWhole = createHash('sha256').update(bytes).digest('hex') === kept.sha256;
    kept.seen = isWhole ? standIn.outcome(kept, bytes) : { status: 'FAILED', problem: 'other bytes' };
  };
  const create = async (input: Record<string, unknown>) => {
    const [sha256, size] = [String(input.sha256), Number(input.size)];
    let kept = imports.find((each) => each.sha256 === sha256);
    if (kept === undefined) {
      kept = { id: randomUUID(), input, size, sha256, seen: {} };
      imports.push(kept);
      await datastore.create(new Upload({ id: kept.id, size, offset: 0, metadata: {} }));
    }
    const { offset } = await datastore.getUpload(kept.id);
    return { url: `/uploads/${kept.id}`, offset, import: shown(kept) };
  };
  const answer = async (query: string, variables: Record<string, unknown>) => {
    const kept = find(variables.id);
    if (query.includes('createUpload'))
      return { createUpload: await create(variables.input as Record<string, unknown>) };
    if (query.includes('commitImport') && kept) kept.seen = { ...done, input: variables.input };
    if (query.includes('undoImport') && kept) kept.seen = { status: 'UNDONE', undoneRevision: 9, restored: 2, kept: 1 };
    const seen = kept ? shown(kept) : null;
    return { __typename: 'Query', import: seen, commitImport: seen, undoImport: seen };
  };

  const server = createServer(async (request: IncomingMessage, response) => {
    if (standIn.refuses > 0) {
      standIn.refuses--;
      response.writeHead(503).end('{"errors":[{"message":"It stops.","extensions":{"code":"UNAVAILABLE"}}]}');
      return;
    }
    if (request.url?.startsWith('/uploads/')) {
      if (request.method === 'PATCH') offsets.push(Number(request.headers['upload-offset']));
      await tus.handle(request, response);
      const kept = find(request.url.slice('/uploads/'.length));
      if (kept && (await datastore.getUpload(kept.id)).offset === kept.size) arrive(kept);
      return;
    }
    const { query, variables } = (await json(request)) as { query: string; variables: Record<string, unknown> };
    response.end(JSON.stringify({ data: await answer(query, variables) }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const standIn: StandIn = {
    port,
    url: `http://127.0.0.1:${port}`,
    imports,
    offsets,
    refuses: 0,
    outcome: () => done,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return standIn;
}
