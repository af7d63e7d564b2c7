import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'vitest';

/** Where the first of these programs is, that is one of the machine's. */
export function installed(...names: string[]): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/**
 * Tests that not every machine can run. Where `problem` says why this one cannot, they are left out, and that is printed;
 * in CI it is a failure.
 */
export function describeWhere(problem: string | undefined, name: string, define: () => void): void {
  if (problem === undefined) {
    describe(name, define);
    return;
  }
  const missing = `${problem}, so this was left out: ${name}`;
  if (process.env.CI) {
    describe(name, () => {
      it('runs in CI', () => {
        throw new Error(missing);
      });
    });
    return;
  }
  process.stdout.write(`${missing}\n`);
  describe.skipIf(true)(name, define);
}

/** Tests that need a program. */
export function describeWith(needed: string, path: string | undefined, name: string, define: () => void): void {
  describeWhere(path === undefined ? `${needed} is not installed` : undefined, name, define);
}
