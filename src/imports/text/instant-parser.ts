import { quoted } from '../../engine/key.ts';
import { trim } from './parse-number.ts';

/** Parses the instants of a column. */
export interface InstantParser {
  /** Returns microseconds since 1970, or NaN when the bytes are not an instant. */
  read(bytes: Uint8Array, from: number, to: number): number;
  /** The reason, phrased to follow the quoted text: 'names a day that does not exist'. */
  problem(bytes: Uint8Array, from: number, to: number): string;
}

/** The complete reason why a text is not an instant. */
export function instantTextProblem(instants: InstantParser, text: string): string {
  const trimmed = trim(text);
  if (trimmed === '') return 'is empty, which is not an instant';
  const bytes = Buffer.from(trimmed);
  return `${quoted(trimmed)} ${instants.problem(bytes, 0, bytes.length)}`;
}

/** Parses a text with surrounding spaces. Returns NaN when it is not an instant. */
export function parseInstantCell(instants: InstantParser, text: string): number {
  const bytes = Buffer.from(trim(text));
  return instants.read(bytes, 0, bytes.length);
}
