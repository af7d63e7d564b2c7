import { expect, test } from 'vitest';
import config from '../../vitest.config.ts';

test('what npm run soak, chaos and storm ask for reaches every project: the same tests, for longer', () => {
  const { test: own } = config({ mode: 'long', command: 'serve' }) as {
    test: { projects: readonly { readonly mode: string }[] };
  };
  expect(own.projects.map(({ mode }) => mode)).toEqual(['long', 'long', 'long']);
});
