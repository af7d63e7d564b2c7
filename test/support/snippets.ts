import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The fenced blocks of a language below a heading of a Markdown file, up to the next heading. */
export function snippets(file: string, heading: string, language: string): string[] {
  const [, text] = readFileSync(file, 'utf8').split(new RegExp(`^#+ ${heading}$`, 'm'));
  if (text === undefined) throw new Error(`${file} has no heading '${heading}'`);
  const [section] = text.split(/^##+ /m);
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block]) => block,
  );
  if (blocks.length === 0) throw new Error(`${file} has no ${language} below '${heading}'`);
  return blocks;
}

export interface UserProject {
  readonly folder: string;
  /** Writes a file and returns its path. */
  write(path: string, text: string): string;
  remove(): void;
}

/** A folder outside the repository, as a user's project is: `links` says where its packages are. */
export function userProject(links: Readonly<Record<string, string>>): UserProject {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-project-'));
  const prepared = (path: string) => {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  };
  const write = (path: string, text: string) => {
    const place = prepared(path);
    writeFileSync(place, text);
    return place;
  };
  write('package.json', '{ "type": "module" }');
  for (const [path, target] of Object.entries(links)) symlinkSync(resolve(target), prepared(path));
  return { folder, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
