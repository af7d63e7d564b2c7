import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratch } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { importsOf, offsetOf, patch, plainInput, sha256, stored, tus } from '../support/uploads.ts';

const { folder, remove } = scratch();
const uploads = join(folder, 'uploads');
let servers: TestServer[] = [];

beforeAll(async () => {
  const first = await startServer({ uploads });
  servers = [first, await startServer({ uploads, databaseUrl: first.databaseUrl })];
});
afterAll(async () => {
  for (const server of servers.reverse()) await server.stop();
  remove();
});

interface ModelUpload {
  readonly id: string;
  readonly content: number;
  isClaimed: boolean;
  isFound: boolean;
  offset: number;
  isGone: boolean;
  completedAt: number;
}

interface ModelImport {
  readonly id: number;
  readonly upload: ModelUpload;
  readonly variant: number;
  status: string;
}

const size = 40;
const inputs = [plainInput, { ...plainInput, partial: true }];
const alive = new Set(['UPLOADING', 'QUEUED', 'DONE']);

const n = fc.nat({ max: 1_000 });
const command = fc.oneof(
  fc.record({
    kind: fc.constant('begin' as const),
    content: fc.nat({ max: 1 }),
    variant: fc.nat({ max: 1 }),
    claims: fc.constantFrom(true, true, false),
    at: fc.nat({ max: 1 }),
  }),
  fc.record({
    kind: fc.constant('send' as const),
    which: n,
    bytes: fc.constantFrom(size, size, 15, 1),
    at: fc.nat({ max: 1 }),
  }),
  fc.record({
    kind: fc.constantFrom('misplace' as const, 'ask' as const, 'finish' as const, 'delete' as const, 'hash' as const),
    which: n,
    at: fc.nat({ max: 1 }),
  }),
  fc.record({
    kind: fc.constant('end' as const),
    which: n,
    status: fc.constantFrom('DONE', 'FAILED', 'FAILED', 'UNDONE'),
  }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

class Model {
  readonly uploads: ModelUpload[] = [];
  readonly imports: ModelImport[] = [];
  readonly contents: readonly Buffer[];
  #completed = 0;

  constructor(name: string) {
    this.contents = [0, 1].map((i) => Buffer.from(`${name} ${i}`.padEnd(size, '.')));
  }

  async run(given: Command): Promise<void> {
    if (given.kind === 'begin') return this.#begin(given);
    if (given.kind === 'end') return this.#end(given);
    const upload = this.uploads[given.which % this.uploads.length];
    if (!upload) return;
    const { port, app } = servers[given.at];
    const bytes = this.contents[upload.content];
    if (given.kind === 'send') {
      const end = Math.min(size, upload.offset + given.bytes);
      const { status } = await patch(port, upload.id, upload.offset, bytes.subarray(upload.offset, end));
      expect(status).toBe(upload.isGone ? 410 : 204);
      if (!upload.isGone) this.#reach(upload, end);
    } else if (given.kind === 'misplace') {
      const { status } = await patch(port, upload.id, upload.offset + 1, 'x');
      expect(status).toBe(upload.isGone ? 410 : 409);
    } else if (given.kind === 'delete') {
      const { status } = await tus(port, 'DELETE', `/uploads/${upload.id}`);
      const isComplete = upload.offset === size;
      expect(status).toBe(upload.isGone ? 410 : isComplete ? 400 : 204);
      if (upload.isGone || isComplete) return;
      upload.isGone = true;
      for (const each of this.imports)
        if (each.upload === upload && each.status === 'UPLOADING') each.status = 'CANCELLED';
    } else if (given.kind === 'finish') {
      if (upload.offset === size) await app.arrival.finished(upload.id);
    } else if (given.kind === 'hash') {
      if (upload.offset < size) return;
      await app.database.query('UPDATE uploads SET sha256 = $2 WHERE id = $1', [upload.id, sha256(bytes)]);
      upload.isFound = true;
    }
    expect(await offsetOf(port, upload.id)).toEqual(upload.isGone ? Number.NaN : upload.offset);
  }

  #reach(upload: ModelUpload, offset: number): void {
    if (offset === size && upload.offset < size) {
      upload.completedAt = ++this.#completed;
      for (const each of this.imports)
        if (each.upload === upload && each.status === 'UPLOADING') each.status = 'QUEUED';
    }
    upload.offset = offset;
  }

  async #begin({ content, variant, claims, at }: Command & { kind: 'begin' }): Promise<void> {
    const hash = claims ? sha256(this.contents[content]) : undefined;
    const begun = await servers[at].app.arrival.createUpload({
      filename: 'a',
      size,
      sha256: hash,
      input: inputs[variant],
    });
    const same = this.imports.findLast(
      ({ upload, ...each }) =>
        claims &&
        (upload.isClaimed || upload.isFound) &&
        upload.content === content &&
        each.variant === variant &&
        alive.has(each.status),
    );
    if (same) {
      expect(begun).toEqual({ import: same.id, upload: same.upload.id, offset: same.upload.offset });
      return;
    }
    const [here] = this.uploads
      .filter((each) => claims && each.isFound && each.content === content)
      .sort((a, b) => b.completedAt - a.completedAt);
    expect(this.imports.map(({ id }) => id)).not.toContain(begun.import);
    expect(begun.offset).toBe(here ? size : 0);
    if (here) expect(begun.upload).toBe(here.id);
    const fresh = {
      id: begun.upload,
      content,
      isClaimed: claims,
      isFound: false,
      offset: 0,
      isGone: false,
      completedAt: 0,
    };
    if (!here) this.uploads.push(fresh);
    this.imports.push({ id: begun.import, upload: here ?? fresh, variant, status: here ? 'QUEUED' : 'UPLOADING' });
  }

  async #end({ which, status }: Command & { kind: 'end' }): Promise<void> {
    const queued = this.imports.filter((each) => each.status === 'QUEUED');
    const ended = queued[which % queued.length];
    if (!ended) return;
    ended.status = status;
    await servers[0].app.database.query('UPDATE imports SET status = $2, ended_at = now() WHERE id = $1', [
      ended.id,
      status,
    ]);
  }

  async check(): Promise<void> {
    const known = new Map((await importsOf(servers[0].app)).map((each) => [each.id, each]));
    for (const { id, upload, status } of this.imports)
      expect(known.get(id)).toMatchObject({ upload: upload.id, status });
    for (const { id, content, offset, isGone } of this.uploads)
      if (!isGone && offset > 0)
        expect(stored(uploads, id).equals(this.contents[content].subarray(0, offset))).toBe(true);
  }
}

it('uploads and imports are what a plain model says, whatever is asked of two servers in whatever order', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 30 }), async (commands) => {
      const model = new Model(`run ${++runs}`);
      for (const each of commands) await model.run(each);
      await model.check();
    }),
    { numRuns: 60 },
  );
}, 120_000);
