import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The fenced blocks of a language below a heading of a Markdown file, up to the next heading. */
export function snippets(file: string, heading: string, language: string): string[] {
  const [, text] = readFileSync(file, 'utf8').split(new RegExp(`^#+ ${heading}$`, 'm'));
  if (text === undefined) throw new Error(`${file} has no heading '${heading}'`);
  const [section] = text.split(/^#+ /m);
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block]) => block,
  );
  if (blocks.length === 0) throw new Error(`${file} has no ${language} below '${heading}'`);
  return blocks;
}

export interface Project {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(path: string, text: string): string;
  remove(): void;
}

/** A folder outside the repository, as a user's project is: the packages that are named are installed in it. */
export function project(...packages: string[]): Project {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-project-'));
  const write = (path: string, text: string) => {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, text);
    return place;
  };
  write('package.json', '{ "type": "module" }');
  for (const name of packages) {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(name === 'tidemark' ? resolve('.') : resolve('node_modules', name), place);
  }
  return { folder, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
