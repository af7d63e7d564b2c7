import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Semaphore } from '../../src/concurrency/semaphore.ts';

/** A task that runs until it is ended. */
function task(semaphore: Semaphore, started: string[], name: string, signal?: AbortSignal) {
  let end = () => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const done = semaphore.run(async () => {
    started.push(name);
    await ending;
    return name;
  }, signal);
  return { done, end };
}

it('runs no more tasks than it has permits; the others start in the order in which they came', async () => {
  const semaphore = new Semaphore(2);
  const started: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => task(semaphore, started, name));
  await Promise.resolve();
  expect([started.join(), semaphore.running, semaphore.waiting]).toEqual(['a,b', 2, 2]);
  b.end();
  expect(await b.done).toBe('b');
  await Promise.resolve();
  expect([started.join(), semaphore.running, semaphore.waiting]).toEqual(['a,b,c', 2, 1]);
  for (const each of [a, c, d]) each.end();
  expect(await Promise.all([a.done, c.done, d.done])).toEqual(['a', 'c', 'd']);
  expect([semaphore.running, semaphore.waiting]).toEqual([0, 0]);
});

it('a task that is aborted while it waits never starts; one that was aborted before never waits', async () => {
  const semaphore = new Semaphore(1);
  const started: string[] = [];
  const first = task(semaphore, started, 'first');
  const aborting = new AbortController();
  const second = task(semaphore, started, 'second', aborting.signal);
  const third = task(semaphore, started, 'third');
  aborting.abort(new Error('gone'));
  await expect(second.done).rejects.toThrow('gone');
  await expect(task(semaphore, started, 'late', aborting.signal).done).rejects.toThrow('gone');
  expect(semaphore.waiting).toBe(1);
  first.end();
  third.end();
  await Promise.all([first.done, third.done]);
  expect(started).toEqual(['first', 'third']);
});

it('a task that fails releases its permit', async () => {
  const semaphore = new Semaphore(1);
  const failed = semaphore.run(async () => {
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await semaphore.run(async () => 1)).toBe(1);
});

it('in any history of starts, ends and aborts the running tasks are the first of those that are left', async () => {
  const step = fc.record({ kind: fc.constantFrom('start', 'start', 'end', 'abort'), which: fc.nat({ max: 20 }) });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 40 }), async (permits, steps) => {
      const semaphore = new Semaphore(permits);
      const started: string[] = [];
      const live: { name: string; end: () => void; abort: () => void }[] = [];
      const expected: string[] = [];
      const running = () => live.slice(0, permits).map(({ name }) => name);
      for (const [i, { kind, which }] of steps.entries()) {
        if (kind === 'start') {
          const aborting = new AbortController();
          const { done, end } = task(semaphore, started, `${i}`, aborting.signal);
          done.catch(() => undefined);
          live.push({ name: `${i}`, end, abort: () => aborting.abort(new Error('gone')) });
        } else if (kind === 'end' && live.length > 0) {
          live.splice(which % Math.min(live.length, permits), 1)[0].end();
        } else if (kind === 'abort' && live.length > permits) {
          live.splice(permits + (which % (live.length - permits)), 1)[0].abort();
        }
        for (let turn = 0; turn < 6; turn++) await Promise.resolve();
        for (const name of running()) if (!expected.includes(name)) expected.push(name);
        expect(started).toEqual(expected);
        expect([semaphore.running, semaphore.waiting]).toEqual([
          Math.min(live.length, permits),
          Math.max(0, live.length - permits),
        ]);
      }
      for (const { end } of live) end();
    }),
  );
});
