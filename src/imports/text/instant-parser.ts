import { quoted } from '../../engine/key.ts';
import { trim } from './parse-number.ts';

/** Reads the instants of a column. */
export interface InstantParser {
  /** Microseconds since 1970; NaN: these bytes write no instant. */
  read(bytes: Uint8Array, from: number, to: number): number;
  /** Why they do not, as what follows the text: 'names a day that does not exist'. */
  problem(bytes: Uint8Array, from: number, to: number): string;
}

/** Why a text is no instant, whole. */
export function instantTextProblem(instants: InstantParser, text: string): string {
  const trimmed = trim(text);
  if (trimmed === '') return 'is empty, which is not an instant';
  const bytes = Buffer.from(trimmed);
  return `${quoted(trimmed)} ${instants.problem(bytes, 0, bytes.length)}`;
}

/** The instant that a text writes, spaces around it aside; NaN: it writes none. */
export function parseInstantCell(instants: InstantParser, text: string): number {
  const bytes = Buffer.from(trim(text));
  return instants.read(bytes, 0, bytes.length);
}
