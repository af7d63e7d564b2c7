import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { lockHome } from '../../src/embedded/home-lock.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { processStartTime } from '../../src/embedded/process-identity.ts';
import { cleanUp, makeApp, runApp, type Started, temporary } from './embedded-harness.ts';

afterEach(cleanUp);

test('of many that want a home at once exactly one gets it, every time', async () => {
  const home = temporary();
  for (let round = 0; round < 20; round++) {
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => lockHome(home, home)));
    const winners = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    winners[0].value();
  }
  expect(readdirSync(join(home, 'lock'))).toEqual([]);
});

test('what dead processes left does not count, even where their pid lives on as another', async () => {
  const home = temporary();
  mkdirSync(join(home, 'lock'));
  const place = statSync(join(home, 'lock')).ino;
  const dead = [`${process.pid}-1-${place}-01`, `${process.ppid}-1-${place}-02`, `4194304-77-${place}-03`];
  // Of a living process, but copied with the home it has.
  dead.push(`${process.ppid}-${processStartTime(process.ppid)}-${place + 1}-04`);
  for (const name of dead) for (const end of ['', '.held']) writeFileSync(join(home, 'lock', name + end), '');
  const release = await lockHome(home, home);
  expect(
    readdirSync(join(home, 'lock')).every((name) =>
      name.startsWith(`${process.pid}-${processStartTime(process.pid)}-`),
    ),
  ).toBe(true);
  release();
});

test('while a process has the home another is told so, with the directory and the pid', async () => {
  const dir = temporary();
  const home = join(dir, 'home');
  const owner = runApp(await makeApp(dir), { home });
  await owner.said<Started>('started');
  const refused = await startEmbeddedPostgres({ home }).catch((error) => error);
  expect(refused).toMatchObject({ name: 'Fault', code: 'UNAVAILABLE' });
  for (const part of [`TIDEMARK_HOME (${home})`, `process ${owner.child.pid}`, 'stop it']) {
    expect(refused.message).toContain(part);
  }
  await owner.stop();
  const next = await startEmbeddedPostgres({ home });
  expect(next.adopted).toBe(false);
  const again = await startEmbeddedPostgres({ home }).catch((error) => error);
  expect(again.message).toContain('this very process');
  await next.stop();
});

test('two processes that start at the same time on a new home: one gets it', async () => {
  const dir = temporary();
  const app = await makeApp(dir);
  const runners = [1, 2].map(() => runApp(app, { home: join(dir, 'home') }));
  const outcomes = await Promise.allSettled(runners.map((runner) => runner.said<Started>('started')));
  expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
  const refusal = outcomes.find((outcome) => outcome.status === 'rejected');
  expect(String(refusal?.reason)).toContain('in use by another tidemark');
});
