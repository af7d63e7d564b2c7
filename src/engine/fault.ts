/** The codes of errors that a client may see. Any other error is masked. */
export const faultCodes = [
  'BAD_USER_INPUT',
  'NOT_FOUND',
  'CONFLICT',
  'GONE',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'RATE_LIMITED',
  'TOO_EXPENSIVE',
  'UNAVAILABLE',
] as const;

export type FaultCode = (typeof faultCodes)[number];

export type InputPath = readonly (string | number)[];

/**
 * A domain error for the client: one sentence with the problem and its remedy, a code, and the path of the invalid
 * input.
 */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly inputPath: InputPath | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: FaultCode, message: string, inputPath?: InputPath, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'Fault';
    this.code = code;
    this.inputPath = inputPath;
    this.details = details;
  }
}
