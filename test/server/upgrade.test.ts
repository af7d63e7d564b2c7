import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gql } from '../support/client.ts';
import { until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** A server may ignore that a client asks for another protocol (RFC 9110, 7.8): HTTP/2 over cleartext, for one. */

const curlFeatures = String(spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout);

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ bodyBytesMax: 1_000_000 });
});
afterAll(() => server.stop());

const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`;
}

function post(query: string, headers = ''): string {
  const body = JSON.stringify({ query });
  const head = `Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  return `POST /graphql HTTP/1.1\r\n${head}\r\n${headers}\r\n${body}`;
}

async function open() {
  const socket = connect(server.port, '127.0.0.1').setNoDelay();
  await once(socket, 'connect');
  let text = '';
  socket.setEncoding('utf8').on('data', (some: string) => {
    text += some;
  });
  return {
    socket,
    received: () => text,
    /** The statuses and JSON bodies of the answers received, once there are this many. */
    answers: async (count: number) => {
      const parts = () => text.split(/(?=HTTP\/1\.1 \d)/).filter((part) => /\r\n\r\n[\s\S]*[\n}]$/.test(part));
      await until(() => parts().length >= count);
      return parts().flatMap((part) => [part.slice(9, 12), ...(/\{.*\}/.exec(part) ?? [])]);
    },
  };
}

describe('a request that asks for a protocol other than WebSocket is answered as HTTP/1.1', () => {
  it.each([
    ['h2c', h2c],
    ['h2c that also closes', 'Connection: close, Upgrade\r\nUpgrade: h2c\r\n'],
    ['TLS', 'Connection: upgrade\r\nUpgrade: TLS/1.0\r\n'],
    ['two protocols, one of them WebSocket', 'Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n'],
    ['a protocol without a name', 'Connection: Upgrade\r\nUpgrade: \r\n'],
  ])('%s', async (_, headers) => {
    for (const [request, answer] of [
      [post('{ revision }', headers), ['200', '{"data":{"revision":0}}']],
      [get('/graphql?query=%7Brevision%7D', headers), ['200', '{"data":{"revision":0}}']],
      [get('/livez', headers), ['200']],
      [get('/nowhere', headers), ['404', expect.stringContaining('errors')]],
    ] as const) {
      const { socket, answers } = await open();
      socket.write(request);
      expect(await answers(1)).toEqual(answer);
      socket.destroy();
    }
  });

  it('with its body in pieces, and further requests on the connection', async () => {
    const { socket, answers } = await open();
    const request = post('{ one: revision }', h2c);
    for (let at = 0; at < request.length; at += 40) {
      socket.write(request.slice(at, at + 40));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await answers(1)).toEqual(['200', '{"data":{"one":0}}']);
    socket.write(post('{ two: revision }'));
    expect((await answers(2)).slice(2)).toEqual(['200', '{"data":{"two":0}}']);
    socket.write(post('{ three: revision }', h2c) + post('{ four: revision }', h2c));
    expect((await answers(4)).slice(4)).toEqual(['200', '{"data":{"three":0}}', '200', '{"data":{"four":0}}']);
    socket.destroy();
  });

  it('with a chunked body', async () => {
    const { socket, answers } = await open();
    const body = JSON.stringify({ query: '{ revision }' });
    const chunks = [body.slice(0, 7), body.slice(7)].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n${h2c}\r\n`,
    );
    for (const chunk of [...chunks, '0\r\n\r\n']) socket.write(chunk);
    expect(await answers(1)).toEqual(['200', '{"data":{"revision":0}}']);
    socket.destroy();
  });

  it('behind requests that are not answered yet, in their order', async () => {
    const { socket, answers } = await open();
    socket.write(
      post('{ one: revision }') +
        post('{ two: revision }') +
        post('{ three: revision }', h2c) +
        post('{ four: revision }'),
    );
    const wanted = ['one', 'two', 'three', 'four'].flatMap((name) => ['200', `{"data":{"${name}":0}}`]);
    expect(await answers(4)).toEqual(wanted);
    socket.destroy();
  });

  it('a body that is too large is refused, and a client that hangs up harms nothing', async () => {
    const { socket, answers } = await open();
    socket.write(post(`{ revision } #${' '.repeat(1_000_000)}`, h2c));
    expect((await answers(1))[0]).toBe('413');
    socket.destroy();
    for (let i = 0; i < 20; i++) {
      const { socket: gone } = await open();
      gone.write(post('{ revision }') + post('{ revision }', h2c));
      gone.resetAndDestroy();
    }
    expect((await gql(server.url, '{ revision }')).data).toEqual({ revision: 0 });
  });

  it.skipIf(!curlFeatures.includes('HTTP2'))('curl --http2', async () => {
    const json = ['-H', 'content-type: application/json', '-d', '{"query":"{ revision }"}'];
    const curl = await promisify(execFile)('curl', [
      ...['-sS', '--http2', '-w', '\n%{http_code} %{http_version}'],
      ...json,
      server.url,
    ]);
    expect(curl.stdout).toBe('{"data":{"revision":0}}\n200 1.1');
  });
});
