/** What the asker can be told went wrong; everything else is our fault and is masked. */
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

/** A domain error: one sentence that says what is wrong and what to do, a code, and where in the input it stands. */
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
