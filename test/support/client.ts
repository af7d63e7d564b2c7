import { type Client, createClient } from 'graphql-ws';
import WebSocket from 'ws';

export interface GraphError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly inputPath?: readonly (string | number)[] } & Record<
    string,
    unknown
  >;
}

export interface Answer<T> {
  readonly status: number;
  /** Null or undefined when the operation failed; whoever expects that looks at `errors`. */
  readonly data: T;
  readonly errors: readonly GraphError[] | undefined;
}

/** One operation over HTTP, as JSON. */
export async function gql<T = Record<string, unknown>>(
  url: string,
  query: string,
  variables?: Record<string, unknown>,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  return postBody<T>(url, JSON.stringify({ query, variables }), headers);
}

/** Whatever body, sent as JSON. */
export async function postBody<T = Record<string, unknown>>(
  url: string,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const streamed = body instanceof ReadableStream ? { duplex: 'half' } : {};
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    ...streamed,
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data: T; errors?: GraphError[] };
  return { status: response.status, data, errors };
}

/** The data of an operation that must not fail. */
export async function ask<T = Record<string, unknown>>(
  url: string,
  query: string,
  variables?: Record<string, unknown>,
): Promise<T> {
  const { data, errors } = await gql<T>(url, query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

export interface Tick {
  readonly series: string;
  readonly t: number | string;
  readonly value: number;
  readonly size?: number | null;
}

export interface Written {
  readonly accepted: number;
  readonly duplicates: number;
  readonly revision: number;
}

const written = '{ accepted duplicates revision }';

export async function ingest(
  url: string,
  ticks: readonly Tick[],
  more: Record<string, unknown> = {},
): Promise<Written> {
  const query = `mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) ${written} }`;
  const input = { ticks, createMissing: true, ...more };
  return (await ask<{ ingestTicks: Written }>(url, query, { input })).ingestTicks;
}

export async function remove(url: string, input: Record<string, unknown>): Promise<Written> {
  const query = `mutation ($input: DeleteTicksInput!) { deleteTicks(input: $input) ${written} }`;
  return (await ask<{ deleteTicks: Written }>(url, query, { input })).deleteTicks;
}

/** A client of the protocol graphql-transport-ws, the package's own. */
export function socketClient(url: string, options: { retry?: number } = {}): Client {
  return createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: options.retry ?? 0,
    lazy: true,
  });
}

/** The events of a server-sent stream as they come. */
export async function* serverSent<T>(
  url: string,
  query: string,
  variables: Record<string, unknown>,
  signal: AbortSignal,
): AsyncGenerator<Answer<T>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
    signal,
  });
  const { status } = response;
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const lines = rest.slice(0, end).split('\n');
      rest = rest.slice(end + 2);
      const kind = lines.find((line) => line.startsWith('event: '))?.slice(7);
      const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
      if (kind === 'complete') return;
      if (kind === 'next' && data)
        yield { status, ...(JSON.parse(data) as { data: T; errors?: GraphError[] }) } as Answer<T>;
    }
  }
}
