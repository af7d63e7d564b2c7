import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Bell } from '../../src/bell/bell.ts';
import { Feed } from '../../src/feed/feed.ts';
import { lookUntil } from '../../src/feed/look-until.ts';
import type { Catalogue } from '../../src/store/catalogue.ts';

let feed: Feed;
let looks: number;
let isThere: boolean;

/** Time stands still, so only notices lead to another look. */
beforeEach(() => {
  vi.useFakeTimers();
  feed = new Feed({} as Catalogue, {} as Bell);
  looks = 0;
  isThere = false;
});
afterEach(() => {
  vi.useRealTimers();
});

const look = async () => {
  looks++;
  return isThere ? 'found' : undefined;
};
const settled = () => vi.advanceTimersByTimeAsync(0);

it('looks at once, and again after a notice about one of the series, not about others', async () => {
  const waiting = lookUntil(feed, new Set([7]), 30_000, look);
  await settled();
  expect(looks).toBe(1);
  feed.hear({ previous: 0, revision: 1, series: [8] });
  await settled();
  expect(looks).toBe(1);
  feed.hear({ previous: 1, revision: 2, series: [7] });
  await settled();
  expect(looks).toBe(2);
  isThere = true;
  feed.hear({ derived: 2, series: [], unchanged: [7] });
  expect(await waiting).toBe('found');
  expect(looks).toBe(3);
});

it('looks now and then without a notice, and gives up when the time is over', async () => {
  const waiting = lookUntil(feed, new Set([7]), 1_200, look);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(await waiting).toBeUndefined();
  expect(looks).toBe(4);
});

it('ends when the client goes away', async () => {
  const gone = new AbortController();
  const waiting = lookUntil(feed, new Set([7]), 30_000, look, gone.signal);
  await settled();
  gone.abort();
  expect(await waiting).toBeUndefined();
  expect(looks, 'it looks once more, for the answer that nobody reads').toBe(2);
});
