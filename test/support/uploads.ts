import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { App } from '../../src/schema/app.ts';

export interface Answered {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** A raw request of the tus protocol. */
export function tus(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string | number> = {},
  body?: string | Buffer,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { 'tus-resumable': '1.0.0', ...headers } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    sent.end(body);
  });
}

export function patch(
  port: number,
  id: string,
  offset: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const type = 'application/offset+octet-stream';
  const length = Buffer.byteLength(body);
  return tus(
    port,
    'PATCH',
    `/uploads/${id}`,
    { 'content-type': type, 'content-length': length, 'upload-offset': offset, ...headers },
    body,
  );
}

/** Where an upload stands, as its server tells it. */
export async function offsetOf(port: number, id: string): Promise<number> {
  const { headers } = await tus(port, 'HEAD', `/uploads/${id}`);
  return Number(headers['upload-offset'] ?? Number.NaN);
}

export function metadata(given: Record<string, string>): string {
  return Object.entries(given)
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

export const plainInput = { createMissing: true, partial: false, previewOnly: false };

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function someBytes(size: number): Buffer {
  return randomBytes(size);
}

export function stored(folder: string, id: string): Buffer {
  return readFileSync(join(folder, id));
}

export function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

export interface ImportState {
  readonly id: number;
  readonly upload: string;
  readonly status: string;
  readonly version: number;
  readonly problem: string | null;
}

export async function importsOf({ database }: App): Promise<ImportState[]> {
  const rows = await database.query<{
    id: number;
    upload: string;
    status: string;
    version: string;
    problem: string | null;
  }>('SELECT id, upload, status, version, problem FROM imports ORDER BY id');
  return rows.map((row) => ({ ...row, version: Number(row.version) }));
}

export async function importOf(app: App, upload: string): Promise<ImportState> {
  const found = (await importsOf(app)).find((each) => each.upload === upload);
  if (!found) throw new Error(`no import of ${upload}`);
  return found;
}
