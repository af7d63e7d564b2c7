/** Codes of errors that the same request would get again. */
const forGood: ReadonlySet<string> = new Set([
  'BAD_USER_INPUT',
  'CONFLICT',
  'FORBIDDEN',
  'NOT_FOUND',
  'TOO_EXPENSIVE',
  'UNAUTHENTICATED',
]);

const closeCodes: Readonly<Record<number, string>> = {
  4400: 'BAD_USER_INPUT',
  4401: 'UNAUTHENTICATED',
  4403: 'FORBIDDEN',
  4406: 'BAD_USER_INPUT',
};

/** An error with a code that programs can test. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError';
  /** `extensions.code` of the server's error. DISCONNECTED and CLOSED come from the client itself. */
  readonly code: string;
  /** The other extensions of the server's error: `inputPath` and more. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    extensions: Readonly<Record<string, unknown>> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.extensions = extensions;
  }

  /** True when repeating the same request is pointless. */
  get isForGood(): boolean {
    return forGood.has(this.code);
  }
}

interface GraphError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Converts the errors of graphql-ws: GraphQL errors, a close event, or an error event. */
export function errorFrom(cause: unknown): TidemarkError {
  if (cause instanceof TidemarkError) return cause;
  if (Array.isArray(cause) && cause.length > 0) {
    const [{ message, extensions = {} }] = cause as GraphError[];
    return new TidemarkError(typeof extensions.code === 'string' ? extensions.code : 'INTERNAL', message, extensions);
  }
  const { code, reason, message } = (typeof cause === 'object' && cause !== null ? cause : {}) as {
    code?: unknown;
    reason?: unknown;
    message?: unknown;
  };
  const closeCode = typeof code === 'number' ? code : 0;
  const told = reason || message || (closeCode > 0 ? `the socket was closed with code ${closeCode}` : 'no connection');
  return new TidemarkError(closeCodes[closeCode] ?? 'DISCONNECTED', String(told), {}, { cause });
}
