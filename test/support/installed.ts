import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'vitest';

/** Where the first of these programs is, that is one of the machine's. */
export function installed(...names: string[]): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** Tests that need a program. Where it is not installed they are left out and said to be; in CI that is a failure. */
export function describeWith(needed: string, path: string | undefined, name: string, define: () => void): void {
  if (path !== undefined) {
    describe(name, define);
    return;
  }
  const missing = `${needed} is not installed, so this was left out: ${name}`;
  if (process.env.CI === 'true') {
    describe(name, () => {
      it(`needs ${needed}, which is not installed`, () => {
        throw new Error(missing);
      });
    });
    return;
  }
  process.stdout.write(`${missing}\n`);
  describe.skipIf(true)(name, define);
}
