import { Fault } from '../engine/fault.ts';

/** The SQLSTATE or system error code of an error, found among its causes. */
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
  '25006', // a server that became a read-only replica; its successor will answer soon
  '53300', // too many connections
]);

const lostMessages =
  /connection terminated|timeout exceeded when trying to connect|server closed the connection|not queryable/i;

/**
 * True when the connection or the server failed, not the statement: classes 08, 57 and 58. The same statement may work
 * on another connection.
 */
function isConnectionLoss(error: unknown): boolean {
  const code = errorCodeOf(error);
  if (code !== undefined && (lostCodes.has(code) || /^(08|57|58)...$/.test(code))) return true;
  // Some of these errors have no code, and drizzle wraps them.
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (lostMessages.test(cause.message)) return true;
  }
  return false;
}

/** True for a lost connection, also after it was turned into a fault. */
export function isLoss(error: unknown): boolean {
  return isConnectionLoss(error) || (error instanceof Fault && error.code === 'UNAVAILABLE');
}

/**
 * Turns an error that the database will recover from into a fault for the client. Other errors are returned as they
 * are.
 */
export function asFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const fault = faultOf(error);
  if (fault) fault.cause = error;
  return fault ?? error;
}

const diskFullCodes = new Set(['53100', 'ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether a disk is full, that of the database or another one; also where that was made a fault already. */
export function isDiskFull(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && diskFullCodes.has(String(cause.code))) return true;
  }
  return false;
}

function faultOf(error: unknown): Fault | undefined {
  const code = errorCodeOf(error);
  if (isDiskFull(error)) {
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
 * Runs a function again and again while it fails with a lost connection, until `patienceMillis` have passed. The
 * function must be safe to repeat.
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
