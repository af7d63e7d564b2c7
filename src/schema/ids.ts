import { Fault, type InputPath } from '../engine/fault.ts';

/** Opaque ids: a type and a number. */
export function globalId(type: 'Series' | 'Import', number: number): string {
  return Buffer.from(`${type}:${number}`).toString('base64url');
}

export function parseGlobalId(id: string): { type: string; number: number } | undefined {
  const match = /^([A-Za-z]+):(\d{1,10})$/.exec(Buffer.from(id, 'base64url').toString('utf8'));
  return match ? { type: match[1], number: Number(match[2]) } : undefined;
}

/** The cursor of a point fixes the revision of the following pages. */
export function pointCursor(revision: number, t: number): string {
  return Buffer.from(`point:${revision}:${t}`).toString('base64url');
}

export function parsePointCursor(cursor: string, path: InputPath): { revision: number; t: number } {
  const match = /^point:(\d{1,16}):(-?\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) throw new Fault('BAD_USER_INPUT', 'This is not a cursor of points.', path);
  return { revision: Number(match[1]), t: Number(match[2]) };
}

export function keyCursor(key: string): string {
  return Buffer.from(`key:${key}`).toString('base64url');
}

export function parseKeyCursor(cursor: string, path: InputPath): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!text.startsWith('key:') || text.includes('\0'))
    throw new Fault('BAD_USER_INPUT', 'This is not a cursor of series.', path);
  return text.slice(4);
}

/** The number in an import's id; undefined when the id is not one. */
export function parseImportId(id: string): number | undefined {
  const parsed = parseGlobalId(id);
  return parsed?.type === 'Import' && parsed.number < 2 ** 31 ? parsed.number : undefined;
}

export function importCursor(number: number): string {
  return Buffer.from(`import:${number}`).toString('base64url');
}

export function parseImportCursor(cursor: string, path: InputPath): number {
  const match = /^import:(\d{1,10})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (!match) throw new Fault('BAD_USER_INPUT', 'This is not a cursor of imports.', path);
  return Math.min(Number(match[1]), 2 ** 31 - 1);
}
