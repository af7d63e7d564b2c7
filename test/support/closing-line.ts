import type { Reporter, TestModule } from 'vitest/node';

/** Prints 'N passed, N failed' as the last line of a run. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      const state = module.state();
      for (const test of module.children.allTests()) {
        const result = test.result().state;
        if (result === 'passed') passed++;
        else if (result === 'failed') failed++;
        else skipped++;
      }
      // A file that could not be read has no tests to count.
      if (state === 'failed' && module.errors().length > 0) failed++;
    }
    const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    process.on('exit', () => process.stdout.write(`${line}\n`));
  }
}
