import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { Fault } from '../engine/fault.ts';
import type { Request } from '../schema/documents.ts';
import type { Executor } from '../schema/execution.ts';
import type { Caller } from '../schema/operation-reads.ts';
import { BodyFault, type BodyReader } from './request-body.ts';

const responseType = 'application/graphql-response+json';

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

export function sendFault(response: ServerResponse, status: number, fault: Fault): void {
  const body = JSON.stringify({
    errors: [{ message: fault.message, extensions: { code: fault.code, ...fault.details } }],
  });
  send(response, status, 'application/json', body);
}

function isText(value: unknown): value is string | null | undefined {
  return value == null || typeof value === 'string';
}

/** Parses a request by the protocol. Throws a fault when its shape is wrong. */
export function requestOf(body: unknown): Request {
  if (Array.isArray(body))
    throw new BodyFault(400, 'BAD_USER_INPUT', 'Send one operation a request; lists of them are not taken.');
  if (typeof body !== 'object' || body === null)
    throw new BodyFault(400, 'BAD_USER_INPUT', 'The body must be a JSON object { query, variables, operationName }.');
  const { query, variables, operationName } = body as Record<string, unknown>;
  if (typeof query !== 'string')
    throw new BodyFault(400, 'BAD_USER_INPUT', 'The body has no query, which must be a text.');
  if (!isText(operationName)) throw new BodyFault(400, 'BAD_USER_INPUT', 'operationName must be a text.');
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) {
    throw new BodyFault(400, 'BAD_USER_INPUT', 'variables must be a JSON object.');
  }
  return { query, operationName, variables: variables as Record<string, unknown> | null };
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : '';
    throw new BodyFault(400, 'BAD_USER_INPUT', `This is not JSON: ${reason}`);
  }
}

/** Reads a body within the limits and parses it into an operation. */
export async function readOperation(bodies: BodyReader, request: IncomingMessage): Promise<Request> {
  return requestOf(parseJson(await bodies.read(request)));
}

/** 200 once anything was executed. Otherwise 400, for clients that accept the newer media type. */
function statusOf(result: ExecutionResult, modern: boolean): number {
  return result.data === undefined && modern ? 400 : 200;
}

/** The answer to a query or mutation. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly json: string;
}

export async function run(
  executor: Pick<Executor, 'operationOf' | 'execute' | 'context'>,
  asked: Request,
  request: IncomingMessage,
  caller: Caller,
): Promise<Answer> {
  const modern = request.headers.accept?.includes(responseType) ?? false;
  const type = modern ? responseType : 'application/json';
  const found = executor.operationOf(asked);
  if (!('document' in found)) return { status: modern ? 400 : 200, type, json: JSON.stringify({ errors: found }) };
  if (found.operation.operation === 'subscription') throw needsStream();
  const context = executor.context(caller);
  const result = await executor.execute(found.document, found.operation, asked.variables, context);
  return { status: statusOf(result, modern), type, json: JSON.stringify(result) };
}

export function sendAnswer(response: ServerResponse, { status, type, json }: Answer): void {
  send(response, status, type, json);
}

/**
 * Answers a query or mutation in a JSON request, which is nearly every request. It bypasses the general HTTP layer,
 * which costs several times as much as a small operation.
 */
export async function answerJson(
  executor: Executor,
  bodies: BodyReader,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  const asked = await readOperation(bodies, request);
  sendAnswer(response, await run(executor, asked, request, caller));
}

function needsStream(): BodyFault {
  return new BodyFault(
    406,
    'BAD_USER_INPUT',
    'A subscription needs Accept: text/event-stream, or a WebSocket (graphql-transport-ws).',
  );
}

/** The operation of a GET request; undefined when it has none. */
export function parametersOf(request: IncomingMessage): Request | undefined {
  const [, search] = (request.url ?? '').split(/\?(.*)/s);
  const parameters = new URLSearchParams(search);
  const jsonOf = (name: string) => {
    const text = parameters.get(name);
    return text ? parseJson(Buffer.from(text)) : undefined;
  };
  const [variables] = ['variables', 'extensions'].map(
    (name) => requestOf({ query: '', variables: jsonOf(name) }).variables,
  );
  const query = parameters.get('query');
  return query ? { query, variables, operationName: parameters.get('operationName') } : undefined;
}

/** yoga would send an event stream to a client that did not ask for one. */
export function checkParameters(executor: Executor, asked: Request): void {
  const found = executor.operationOf(asked);
  if ('document' in found && found.operation.operation === 'subscription') throw needsStream();
}

export function isJson(request: IncomingMessage): boolean {
  return /^application\/json\b/i.test(request.headers['content-type'] ?? '');
}

/** True when a request takes the direct path. */
export function isPlainJson(request: IncomingMessage): boolean {
  if (request.method !== 'POST') return false;
  const accept = request.headers.accept ?? '*/*';
  return isJson(request) && !accept.includes('text/event-stream') && !accept.includes('multipart/');
}
