import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

/** They count what is open in their process. */
const alone = ['test/server/export.test.ts', 'test/server/stopping.test.ts', 'test/server/backpressure.test.ts'];

/** They ask no database. */
const pure = ['test/{concurrency,engine,market,imports/text}/**/*.test.ts', 'test/derive/*.test.ts'];

const globalSetup = ['test/support/global-setup.ts'];

export default defineConfig(({ mode }) => ({
  // As Node resolves it: the bundler's choice would be a second copy beside the one that packages load.
  resolve: { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] },
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 4,
    // Files follow one another in a process: to load what they need takes longer than many of them do.
    isolate: false,
    // Each is told the mode: by itself it knows none but 'test', and what is to take long would not.
    projects: [
      {
        extends: true,
        mode,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...pure, ...alone],
          globalSetup,
        },
      },
      { extends: true, mode, test: { name: 'alone', include: alone, globalSetup, isolate: true } },
      { extends: true, mode, test: { name: 'pure', include: pure } },
    ],
  },
}));
