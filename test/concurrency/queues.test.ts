import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BoundedQueue } from '../../src/concurrency/bounded-queue.ts';
import { SerialQueue } from '../../src/concurrency/serial-queue.ts';

it('a serial queue runs one task at a time, in order, and each caller gets the outcome of its own', async () => {
  const tasks = fc.array(fc.record({ fails: fc.boolean(), millis: fc.integer({ min: 0, max: 1 }) }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(tasks, async (given) => {
      const queue = new SerialQueue();
      const trace: string[] = [];
      const outcomes = given.map(({ fails, millis }, i) =>
        queue.run(async () => {
          trace.push(`start ${i}`);
          await delay(millis);
          trace.push(`end ${i}`);
          if (fails) throw new Error(`${i}`);
          return i;
        }),
      );
      const idle = queue.idle().then(() => trace.length);
      const settled = await Promise.allSettled(outcomes);
      expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.message))).toEqual(
        given.map(({ fails }, i) => (fails ? `${i}` : i)),
      );
      expect(trace).toEqual(given.flatMap((_, i) => [`start ${i}`, `end ${i}`]));
      expect(await idle).toBe(trace.length);
    }),
    { numRuns: 50 },
  );
});

it('a bounded queue takes a task once while it waits or runs, and none when it is full', async () => {
  const queue = new BoundedQueue(2);
  const ran: string[] = [];
  const add = (id: string) =>
    queue.add(id, async () => {
      await delay(1);
      ran.push(id);
    });
  expect([add('a'), add('b'), add('a'), add('c')]).toEqual([true, true, true, false]);
  await queue.idle();
  expect(ran).toEqual(['a', 'b']);
  expect(add('a')).toBe(true);
  await queue.idle();
  expect(ran).toEqual(['a', 'b', 'a']);
});
