import { expect, it } from 'vitest';
import { ask, gql, ingest } from '../support/client.ts';
import { startServer } from '../support/server.ts';
import { define, evaluated, live, put, second, serveDerived, server, t } from './derived-harness.ts';

serveDerived();

it('operators lists every operator with its signature, and its example holds when it is evaluated', async () => {
  interface Line {
    series: string | null;
    t: number[];
    value: number[];
    size: (number | null)[] | null;
  }
  interface Answer {
    operators: {
      name: string;
      signature: string;
      parameters: { name: string; default: string | null }[];
      examples: { formula: string; inputs: Line[]; output: Line }[];
    }[];
  }
  const { operators } = await ask<Answer>(
    server.url,
    `{ operators { name group signature meaning warmUp missing parameters { name type meaning optional repeats default words min max aboveMin }
       examples { formula inputs { series t value size } output { t value } } } }`,
  );
  const ema = operators.find(({ name }) => name === 'ema');
  expect(ema?.signature).toBe('ema(x, [span], [halflife], [alpha])');
  const example = ema?.examples[0];
  for (const { series, t: seconds, value } of example?.inputs ?? [])
    await ingest(
      server.url,
      seconds.map((at, i) => ({ series: series ?? '', t: t + at * second, value: value[i] })),
    );
  const { t: instants, value } = await evaluated(example?.formula ?? '');
  expect(value).toEqual(example?.output.value);
  expect(instants).toEqual(example?.output.t.map((at) => t + at * second));
});

it('evaluate thins as samples do, and refuses what would read too much with a way out', async () => {
  const many = Array.from({ length: 3_000 }, (_, i) => [i, Math.sin(i) * 100] as const);
  await put('EV', many);
  await define('EV.d', 'EV * 2');
  await live('EV.d');
  await put('EV', [[3_000, 1]]);
  for (const most of [1, 2, 3, 4, 100, 999, 5_000]) {
    const { evaluate, series } = await ask<{ evaluate: object; series: { samples: object } }>(
      server.url,
      'query ($most: Int!) { evaluate(formula: "EV * 2", maxPoints: $most) { t value thinned } series(key: "EV.d") { samples(maxPoints: $most) { t value thinned } } }',
      { most },
    );
    expect(evaluate).toEqual(series.samples);
  }
  const small = await startServer({ databaseUrl: server.databaseUrl, evaluatePointsMax: 1_000 });
  try {
    const { errors } = await gql(small.url, '{ evaluate(formula: "ema(EV, 12)") { t } }');
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'TOO_EXPENSIVE', inputPath: ['range'] } });
  } finally {
    await small.stop();
  }
});

it('explain names the points that a value was computed from, and the commits that last changed them', async () => {
  const first = await ingest(
    server.url,
    [0, 1, 2, 3, 4].map((at) => ({ series: 'X', t: t + at * second, value: at })),
    { note: 'the first five' },
  );
  const second_ = await ingest(server.url, [{ series: 'X', t: t + 3 * second, value: 30 }], { note: 'a correction' });
  await define('X.m', 'mean(X, 3s)');
  await live('X.m');
  await define('X.p', 'mean(X, 2p)');
  await live('X.p');
  await define('X.d', 'delta(X, 3s)');
  await live('X.d');
  interface Input {
    series: { key: string };
    span: { from: number; to: number };
    count: number;
    points: { value: number }[];
    truncated: boolean;
    commits: { revision: number; note: string }[];
  }
  const explain = async (key: string, at: number) =>
    (
      await ask<{ explain: { formula: string | null; value: number | null; inputs: Input[] } }>(
        server.url,
        `query ($key: String!, $t: Instant!) { explain(series: $key, t: $t) { formula value inputs {
          series { key } span { from to } count points { value } truncated commits { revision note } } } }`,
        { key, t: t + at * second },
      )
    ).explain;
  const mean = await explain('X.m', 4);
  expect(mean).toMatchObject({ formula: 'mean(X, 3s)', value: (2 + 30 + 4) / 3 });
  expect(mean.inputs).toHaveLength(1);
  expect(mean.inputs[0]).toMatchObject({
    series: { key: 'X' },
    span: { from: t + 2 * second },
    count: 3,
    points: [{ value: 2 }, { value: 30 }, { value: 4 }],
    truncated: false,
    commits: [
      { revision: second_.revision, note: 'a correction' },
      { revision: first.revision, note: 'the first five' },
    ],
  });
  expect((await explain('X.p', 2)).inputs[0]).toMatchObject({ count: 2, points: [{ value: 1 }, { value: 2 }] });
  // What lies between them does not count.
  const delta = await explain('X.d', 4);
  expect(delta.inputs[0]).toMatchObject({
    span: { from: t + second, to: expect.closeTo(t + 4 * second, 0) },
    count: 2,
    points: [{ value: 1 }, { value: 4 }],
    truncated: false,
    commits: [{ revision: first.revision }],
  });
  expect((await explain('X.d', 1)).inputs[0]).toMatchObject({ count: 1, points: [{ value: 1 }] });
  expect(await explain('X', 3)).toMatchObject({ formula: null, value: 30, inputs: [{ count: 1 }] });
  expect((await explain('X.p', 20)).value).toBeNull();
});
