import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One function or view: src/store/sql/<name>.sql. */
export interface SqlFile {
  readonly name: string;
  readonly text: string;
  readonly hash: string;
}

export interface SqlFiles {
  /** Increases with every change of a file. A program never replaces functions of a newer generation. */
  readonly generation: number;
  /** Files follow the files that they need. */
  readonly files: readonly SqlFile[];
}

const generationFile = 'generation.json';

export function readSqlFiles(folder: string): SqlFiles {
  const { generation } = JSON.parse(readFileSync(join(folder, generationFile), 'utf8')) as { generation: number };
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => {
      const text = readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n');
      return { name: file.slice(0, -'.sql'.length), text, hash: createHash('sha256').update(text).digest('hex') };
    });
  return { generation, files: inOrderOfNeed(files) };
}

/** PostgreSQL checks the body of an SQL function, and a view, when it is created: the functions that it calls must exist. */
export function inOrderOfNeed<File extends Pick<SqlFile, 'name' | 'text'>>(files: readonly File[]): File[] {
  const ordered: File[] = [];
  const entered = new Set<string>();
  const enter = (file: File, path: readonly string[]): void => {
    if (path.includes(file.name)) throw new Error(`SQL files need each other: ${[...path, file.name].join(' -> ')}`);
    if (entered.has(file.name)) return;
    const code = file.text.replaceAll(/--.*$/gm, '');
    const calls = new Set(Array.from(code.matchAll(/\b(\w+)\s*\(/g), ([, name]) => name));
    for (const other of files) if (other !== file && calls.has(other.name)) enter(other, [...path, file.name]);
    entered.add(file.name);
    ordered.push(file);
  };
  const isView = ({ text }: File) => /^CREATE OR REPLACE VIEW /m.test(text);
  const byName = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const file of byName.toSorted((a, b) => Number(isView(a)) - Number(isView(b)))) enter(file, []);
  return ordered;
}
