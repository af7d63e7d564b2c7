import { Fault } from '../engine/fault.ts';

/** The SQLSTATE or the system's error code of whatever a driver threw, however deep it wrapped it. */
export function errorCodeOf(error: unknown): string | undefined {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string') return cause.code;
  }
  return undefined;
}

const lostCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  '25006', // a server that has become a read-only replica: its successor answers soon
  '53300', // too many connections
]);

const lostMessages =
  /connection terminated|timeout exceeded when trying to connect|server closed the connection|not queryable/i;

/** Whether the connection or the server (classes 08, 57 and 58: lost, stopped, hindered by its system), not the statement, was at fault: the same statement may work on another one. */
export function isConnectionLoss(error: unknown): boolean {
  const code = errorCodeOf(error);
  if (code !== undefined && (lostCodes.has(code) || /^(08|57|58)...$/.test(code))) return true;
  // Some losses have no code, and drizzle wraps them.
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (lostMessages.test(cause.message)) return true;
  }
  return false;
}

/** Whether something failed because the database is away, also where that was made a fault already. */
export function isLoss(error: unknown): boolean {
  return isConnectionLoss(error) || (error instanceof Fault && error.code === 'UNAVAILABLE');
}

/** Turns what the database cannot do now into a fault that says so; anything else stays what it was. */
export function asFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const fault = faultOf(error);
  if (fault) fault.cause = error;
  return fault ?? error;
}

function faultOf(error: unknown): Fault | undefined {
  const code = errorCodeOf(error);
  if (code === '53100' || code === 'ENOSPC') {
    return new Fault(
      'UNAVAILABLE',
      'The database has no disk space left: nothing was written. Free some and try again.',
    );
  }
  if (code === '53200')
    return new Fault('UNAVAILABLE', 'The database is out of memory: nothing was written. Try again.');
  if (isConnectionLoss(error)) {
    return new Fault(
      'UNAVAILABLE',
      'The database cannot be reached. Try again; a write that carries an idempotencyKey is then never made twice.',
    );
  }
  return undefined;
}

/**
 * Runs something that may safely be run again until it succeeds, while connections are lost and for as long as the
 * patience lasts.
 */
export async function retryOnConnectionLoss<T>(run: () => Promise<T>, patienceMillis: number): Promise<T> {
  const deadline = Date.now() + patienceMillis;
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      const pauseMillis = Math.min(20 * 2 ** attempt, 500);
      if (!isConnectionLoss(error) || Date.now() + pauseMillis > deadline) throw asFault(error);
      await new Promise((resolve) => setTimeout(resolve, pauseMillis));
    }
  }
}
