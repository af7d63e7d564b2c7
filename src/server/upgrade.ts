import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Whether a request asks for a WebSocket. */
export function wantsWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * From Node 26 on, the body of such a request no longer follows its head on the connection, so Node itself is told to
 * serve it. Older versions either do not know the option, or lose the requests that follow in the same packet. The types
 * are those of Node 20.
 */
export const upgradeOptions: object =
  Number.parseInt(process.versions.node, 10) >= 26 ? { shouldUpgradeCallback: wantsWebSocket } : {};

/**
 * Serves a request as HTTP/1.1 although it asks for another protocol, as RFC 9110 (7.8) allows. Once a server listens for
 * 'upgrade', Node hands over the connection of every such request with its body unread. The server gets the connection
 * back as a new one that begins with the same request, without what asks for the upgrade.
 */
export async function ignoreUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<void> {
  const destroy = () => socket.destroy();
  socket.on('error', destroy);
  await requestsBeforeAreAnswered(socket);
  socket.off('error', destroy);
  if (socket.destroyed) return;
  socket.unshift(Buffer.concat([headOf(request), head]));
  server.emit('connection', socket);
}

/** The server would lose the answers to requests that the client sent ahead of this one. */
async function requestsBeforeAreAnswered(socket: Socket & { _httpMessage?: ServerResponse | null }): Promise<void> {
  for (;;) {
    const { _httpMessage: answer } = socket;
    if (!answer) return;
    await new Promise((resolve) => answer.once('close', resolve));
  }
}

/** The head of the request as it came, without the names of protocols. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (name === 'upgrade' || name === 'http2-settings') continue;
    const value = name === 'connection' ? withoutUpgrade(rawHeaders[i + 1]) : rawHeaders[i + 1];
    if (name !== 'connection' || value !== '') lines.push(`${rawHeaders[i]}: ${value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function withoutUpgrade(connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  return options.filter((option) => !/^(upgrade|http2-settings)?$/i.test(option)).join(', ');
}
