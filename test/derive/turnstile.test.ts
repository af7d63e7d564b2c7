import { expect, it } from 'vitest';
import { Turnstile } from '../../src/derive/turnstile.ts';

const { signal } = new AbortController();

/** Somebody who stays inside until told to leave. */
function visitor(turnstile: Turnstile, entered: string[], name: string, leaving = signal) {
  let leave = () => {};
  const stay = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const passed = turnstile.pass(leaving, async () => {
    entered.push(name);
    await stay;
    return name;
  });
  return { passed, leave };
}

it('at most so many are inside; the others follow in the order in which they came', async () => {
  const turnstile = new Turnstile(2);
  const entered: string[] = [];
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => visitor(turnstile, entered, name));
  await Promise.resolve();
  expect([entered.join(), turnstile.inside, turnstile.waiting]).toEqual(['a,b', 2, 2]);
  b.leave();
  expect(await b.passed).toBe('b');
  await Promise.resolve();
  expect([entered.join(), turnstile.inside, turnstile.waiting]).toEqual(['a,b,c', 2, 1]);
  for (const each of [a, c, d]) each.leave();
  expect(await Promise.all([a.passed, c.passed, d.passed])).toEqual(['a', 'c', 'd']);
  expect([turnstile.inside, turnstile.waiting]).toEqual([0, 0]);
});

it('who goes away while waiting leaves the line and is not let in; who has gone before never stands in it', async () => {
  const turnstile = new Turnstile(1);
  const entered: string[] = [];
  const first = visitor(turnstile, entered, 'first');
  const ending = new AbortController();
  const second = visitor(turnstile, entered, 'second', ending.signal);
  const third = visitor(turnstile, entered, 'third');
  ending.abort(new Error('gone'));
  await expect(second.passed).rejects.toThrow('gone');
  await expect(visitor(turnstile, entered, 'late', ending.signal).passed).rejects.toThrow('gone');
  expect(turnstile.waiting).toBe(1);
  first.leave();
  third.leave();
  await Promise.all([first.passed, third.passed]);
  expect(entered).toEqual(['first', 'third']);
});

it('a failure inside frees the place', async () => {
  const turnstile = new Turnstile(1);
  const failed = turnstile.pass(signal, async () => {
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await turnstile.pass(signal, async () => 1)).toBe(1);
});
