import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ids = new WeakMap<IncomingMessage, string>();

/** The characters of an id that a proxy may give a request. */
const valid = /^[\w.:+/=-]{1,128}$/;

/** The id of a request in the log and in the answer's header: the proxy's x-request-id, or a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const known = ids.get(request);
  if (known !== undefined) return known;
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && valid.test(given) ? given : randomUUID();
  ids.set(request, id);
  return id;
}
