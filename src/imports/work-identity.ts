import { createHash } from 'node:crypto';
import type { ImportInput } from './import-input.ts';

/** Fields that do not affect what is read or written. */
const irrelevant = new Set(['note']);

function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, normal(each)]));
}

/** Equal for all inputs with the same effect. */
export function hashOfInput(input: ImportInput): string {
  const relevant = Object.fromEntries(Object.entries(input).filter(([name]) => !irrelevant.has(name)));
  return createHash('sha256')
    .update(JSON.stringify(normal(relevant)))
    .digest('hex');
}

/** Identifies work: equal bytes that are read in the same way give the same identity. */
export function workIdentity(sha256: string, input: ImportInput): string {
  return createHash('sha256').update(sha256.toLowerCase()).update(hashOfInput(input)).digest('hex');
}
