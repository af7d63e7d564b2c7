import { connect, type Socket } from 'node:net';
import { callsOf, keyOf, prices, startMillis } from './points.ts';

/**
 * What is sent; built before the clock starts, but for `streamed`, which is more than memory holds. A no-op's body is
 * the peers' own.
 */
export type Bodies =
  | { readonly kind: 'columns' | 'ticks'; readonly calls: number; readonly points: number; readonly series: number }
  | { readonly kind: 'single'; readonly calls: number }
  | { readonly kind: 'streamed'; readonly calls: number; readonly points: number; readonly series: number }
  | { readonly kind: 'same'; readonly body: string };

export interface LoadRequest {
  readonly port: number;
  readonly connections: number;
  readonly bodies: Bodies;
  /** Until all bodies are sent once, or for so long, round and round. */
  readonly millis: number | undefined;
}

export interface LoadResult {
  readonly requests: number;
  readonly millis: number;
  readonly p50: number;
  readonly p99: number;
  /** The first answer that held errors. */
  readonly failure: string | undefined;
  readonly bytes: number;
}

const columnsQuery =
  'mutation($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted duplicates revision } }';
const ticksQuery = 'mutation($input: IngestTicksInput!) { ingestTicks(input: $input) { accepted revision } }';

export function requestOf(body: string, port: number): Buffer {
  const head = `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\naccept: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  return Buffer.from(head + body);
}

function bodyOf(query: string, input: object): string {
  return JSON.stringify({ query, variables: { input: { createMissing: true, ...input } } });
}

/** The i-th request of a kind, and how many there are. */
function requestsOf(bodies: Bodies, port: number): { count: number; request: (i: number) => Buffer } {
  switch (bodies.kind) {
    case 'same': {
      const request = requestOf(bodies.body, port);
      return { count: 1, request: () => request };
    }
    case 'single': {
      const values = prices(bodies.calls, 7);
      const all = Array.from(values, (value, i) =>
        requestOf(bodyOf(ticksQuery, { ticks: [{ series: keyOf(i % 100), t: startMillis + i * 1000, value }] }), port),
      );
      return { count: all.length, request: (i) => all[i % all.length] };
    }
    case 'streamed': {
      const values = prices(bodies.points, 7);
      const valueText = Array.from(values).join(',');
      const request = (i: number) => {
        const series = i % bodies.series;
        const first = startMillis + Math.floor(i / bodies.series) * bodies.points * 1000;
        const t = Array.from(values, (_, at) => first + at * 1000).join(',');
        const columns = `{"series":"${keyOf(series)}","t":[${t}],"value":[${valueText}]}`;
        const input = `{"createMissing":true,"columns":[${columns}]}`;
        return requestOf(`{"query":${JSON.stringify(columnsQuery)},"variables":{"input":${input}}}`, port);
      };
      return { count: bodies.calls, request };
    }
    default: {
      const all = callsOf(bodies.calls, bodies.points, bodies.series).map(({ columns }) => {
        if (bodies.kind === 'columns') {
          const given = columns.map(({ series, column }) => ({
            series: keyOf(series),
            t: Array.from(column.t, (t) => t / 1000),
            value: Array.from(column.value),
          }));
          return requestOf(bodyOf(columnsQuery, { columns: given }), port);
        }
        const ticks = columns.flatMap(({ series, column }) =>
          Array.from(column.t, (t, i) => ({ series: keyOf(series), t: t / 1000, value: column.value[i] })),
        );
        return requestOf(bodyOf(ticksQuery, { ticks }), port);
      });
      return { count: all.length, request: (i) => all[i % all.length] };
    }
  }
}

const headEnd = Buffer.from('\r\n\r\n');
const chunksEnd = Buffer.from('\r\n0\r\n\r\n');

/** One request at a time on one connection; as little work as can be, for the generator shares the machine. */
export class Line {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #bytes = 0;
  #wanted = -1;
  #settle: ((answer: Buffer) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#hear(chunk));
    socket.on('error', (error) => this.#fail?.(error));
    socket.on('close', () => this.#fail?.(new Error('the server closed the connection')));
  }

  ask(request: Buffer): Promise<Buffer> {
    this.#received = [];
    this.#bytes = 0;
    this.#wanted = -1;
    return new Promise((settle, fail) => {
      this.#settle = settle;
      this.#fail = fail;
      this.#socket.write(request);
    });
  }

  #hear(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    if (this.#wanted < 0) {
      const answer = Buffer.concat(this.#received);
      this.#received = [answer];
      const end = answer.indexOf(headEnd);
      if (end < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(answer.toString('latin1', 0, end));
      if (length) this.#wanted = end + 4 + Number(length[1]);
      else if (answer.subarray(-7).equals(chunksEnd)) this.#wanted = this.#bytes;
    }
    if (this.#wanted >= 0 && this.#bytes >= this.#wanted) {
      this.#settle?.(this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received));
    }
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }
}

export async function openLine(port: number): Promise<Line> {
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return new Line(socket);
}

async function run(wanted: LoadRequest, { count, request }: ReturnType<typeof requestsOf>): Promise<LoadResult> {
  const lines = await Promise.all(Array.from({ length: wanted.connections }, () => openLine(wanted.port)));
  const latencies: number[] = [];
  let failure: string | undefined;
  let next = 0;
  let bytes = 0;
  const started = performance.now();
  const deadline = wanted.millis === undefined ? Number.POSITIVE_INFINITY : started + wanted.millis;
  const calls = wanted.millis === undefined ? count : Number.POSITIVE_INFINITY;
  await Promise.all(
    lines.map(async (line) => {
      while (next < calls && failure === undefined) {
        const asked = performance.now();
        if (asked > deadline) break;
        const answer = await line.ask(request(next++));
        latencies.push(performance.now() - asked);
        bytes += answer.length;
        if (!answer.subarray(0, 12).equals(okStatus) || answer.subarray(0, 1000).includes('"errors"'))
          failure ??= answer.toString('utf8', 0, 1000);
      }
    }),
  );
  const millis = performance.now() - started;
  for (const line of lines) line.close();
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor((latencies.length - 1) * part)] ?? 0;
  return { requests: latencies.length, millis, p50: at(0.5), p99: at(0.99), failure, bytes };
}

const okStatus = Buffer.from('HTTP/1.1 200');

/** The generator's process: answers each request for a load with what came of it. */
export function serveLoad(): void {
  const prepared = new Map<string, ReturnType<typeof requestsOf>>();
  process.on('message', (wanted: LoadRequest) => {
    const name = `${wanted.port} ${JSON.stringify(wanted.bodies)}`;
    let requests = prepared.get(name);
    if (!requests) {
      prepared.clear();
      requests = requestsOf(wanted.bodies, wanted.port);
      prepared.set(name, requests);
    }
    run(wanted, requests).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ failure: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}
