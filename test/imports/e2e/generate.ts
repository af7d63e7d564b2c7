import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Total } from './rows.ts';

const rowsPerWrite = 20_000;

export interface TickFile extends Total {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Ticks of some series in turn, no two of one series at an instant, up to so many bytes; values whose sum is exact. */
export function writeTicks(path: string, bytesMax: number, prefix: string, seriesCount: number): TickFile {
  const file = openSync(path, 'w');
  const hash = createHash('sha256');
  const t = Date.parse('2020-01-01T00:00:00Z');
  let [bytes, count, sum] = [0, 0, 0];
  const write = (text: string) => {
    hash.update(text);
    bytes += writeSync(file, text);
  };
  write('series,t,value\n');
  while (bytes < bytesMax) {
    let text = '';
    for (let i = 0; i < rowsPerWrite; i++, count++) {
      const value = (count * 7_919) % 10_007;
      text += `${prefix}${count % seriesCount},${t + Math.floor(count / seriesCount)},${value}\n`;
      sum += value;
    }
    write(text);
  }
  closeSync(file);
  return { path, sha256: hash.digest('hex'), bytes, count, sum };
}

/** The same bytes over and over. */
export function writeRepeated(path: string, before: string, piece: Uint8Array | string, bytes: number): string {
  const file = openSync(path, 'w');
  const unit = Buffer.from(piece);
  const block = Buffer.alloc(Math.max(1, Math.floor((1 << 20) / unit.length)) * unit.length, unit);
  writeSync(file, before);
  for (let at = 0; at < bytes; at += block.length) writeSync(file, block, 0, Math.min(block.length, bytes - at));
  closeSync(file);
  return path;
}

/** A small gzip file, of many members, that unpacks to rows of so many bytes. */
export function writeBomb(path: string, bytes: number): string {
  const row = 'BOMB,2026-01-05T09:30:00Z,1,\n';
  const memberBytes = 32 << 20;
  const rows = row.repeat(Math.floor(memberBytes / row.length));
  const file = openSync(path, 'w');
  writeSync(file, gzipSync('series,t,value,note\n'));
  const member = gzipSync(rows, { level: 9 });
  for (let at = 0; at < bytes; at += rows.length) writeSync(file, member);
  closeSync(file);
  return path;
}
