import { describe, expect, it } from 'vitest';
import { type Answer, ask, gql, postBody } from '../support/client.ts';
import { before, columnsMutation, expectRefused, serveLimited, server, t, ticksMutation } from './refusals.ts';

serveLimited();

/** JSON as GraphQL writes it. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, field]) => `${name}: ${literal(field)}`)
    .join(', ')} }`;
}

type Tick = Record<string, unknown>;

/** The three ways in which the same ticks can be given. Texts of the form 1e999 stand for themselves. */
const raw = (text: string) =>
  text.replaceAll('"1e999"', '1e999').replaceAll('"-1e999"', '-1e999').replaceAll('"HUGE"', '9'.repeat(400));
const ways: Record<string, (ticks: readonly Tick[]) => Promise<Answer<{ ingestTicks: { accepted: number } }>>> = {
  'as literals': (ticks) =>
    postBody(
      server.url,
      JSON.stringify({ query: raw(`mutation { ingestTicks(input: { ticks: ${literal(ticks)} }) { accepted } }`) }),
    ),
  'as a variable for the whole input': (ticks) =>
    postBody(server.url, raw(JSON.stringify({ query: ticksMutation, variables: { input: { ticks } } }))),
  'as a list variable': (ticks) => {
    const query = 'mutation ($ticks: [TickInput!]!) { ingestTicks(input: { ticks: $ticks }) { accepted } }';
    return postBody(server.url, raw(JSON.stringify({ query, variables: { ticks } })));
  },
};

describe.each(Object.entries(ways))('ticks %s', (_, send) => {
  const good = { series: 'X', t, value: 1 };
  const at = (...rest: (string | number)[]) => ['input', 'ticks', ...rest];

  it.each<[string, Tick, (string | number)[], RegExp]>([
    ['1e999 as a value', { ...good, value: '1e999' }, at(1, 'value'), /finite|non numeric/],
    ['-1e999 as a size', { ...good, size: '-1e999' }, at(1, 'size'), /finite|non numeric/],
    ['the text NaN as a value', { ...good, value: 'NaN' }, at(1, 'value'), /NaN/],
    ['the text Infinity as a size', { ...good, size: 'Infinity' }, at(1, 'size'), /Infinity/],
    ['the text 1 as a value', { ...good, value: '1' }, at(1, 'value'), /1/],
    ['null as a value', { ...good, value: null }, at(1, 'value'), /null/],
    ['no value', { series: 'X', t }, at(1), /value/],
    ['a whole number of 400 digits', { ...good, value: 'HUGE' }, at(1, 'value'), /finite|non numeric/],
    ['a list as a value', { ...good, value: [1] }, at(1, 'value'), /list|\[1\]|\[/],
    ['true as a value', { ...good, value: true }, at(1, 'value'), /true/],
    ['true as an instant', { ...good, t: true }, at(1, 't'), /Instant|instant/],
    ['null as an instant', { ...good, t: null }, at(1, 't'), /null|Instant/],
    ['no instant', { series: 'X', value: 1 }, at(1), /\bt\b/],
    ['a number as a key', { ...good, series: 7 }, at(1, 'series'), /7|text|key/],
    ['no key', { t, value: 1 }, at(1), /series/],
    ['an unknown field', { ...good, price: 3 }, at(1), /price|only series/],
  ])('%s is refused at its place', async (_name, tick, path, words) => {
    const answer = await send([good, tick]);
    const error = await expectRefused(answer, { path: answer.errors?.[0].extensions.inputPath, words });
    // The place is the tick, or something in it.
    expect(error.extensions.inputPath?.slice(0, 3)).toEqual(path.slice(0, 3));
    if (path.length === 4) expect(error.extensions.inputPath).toEqual(path);
  });

  it.each<[string, unknown, RegExp]>([
    ['seconds', Math.floor(t / 1000), /seconds/],
    ['microseconds', t * 1000, /microseconds/],
    ['nanoseconds', t * 1e6, /nanoseconds/],
    ['yesterday', 'yesterday', /yesterday/],
    ['a date without a time', '2026-01-05', /no time/],
    ['an instant without a zone', '2026-01-05T09:30:00', /zone/],
    ['the 30th of February', '2026-02-30T00:00:00Z', /does not exist/],
    ['the year 1600', '1600-01-01T00:00:00Z', /1684 to 2255/],
    ['the year 2300', '2300-01-01T00:00:00Z', /1684 to 2255/],
    ['1e13 ms', 1e13, /1684 to 2255/],
    ['an empty text', '', /RFC 3339/],
    ['a number in a text', String(t), /without the quotes/],
    ['nanoseconds in a text', '2026-01-05T09:30:00.123456789Z', /microsecond/],
  ])('%s as an instant fails the call, and the reason says how to write it', async (_name, instant, words) => {
    const error = await expectRefused(await send([good, { ...good, t: instant }]), {
      path: at(1, 't'),
      words: /tick 1 of 'X'/,
    });
    expect(error.extensions).toMatchObject({
      rejectedCount: 1,
      rejected: [{ index: 1, series: 'X', reason: expect.stringMatching(words) }],
    });
  });

  it('an unknown series fails the call and names the tick', async () => {
    const error = await expectRefused(await send([good, { ...good, series: 'NOPE' }]), {
      path: at(1, 'series'),
      words: /NOPE/,
    });
    expect(error.extensions.rejected).toEqual([
      { index: 1, series: 'NOPE', reason: expect.stringContaining('createMissing') },
    ]);
  });

  it('a negative size is refused at its place; zero is a size', async () => {
    const error = await expectRefused(await send([{ ...good, size: 0 }, good, { ...good, size: -0.5 }]), {
      path: at(2, 'size'),
      words: /tick 2 of 'X' is refused \(the size -0.5 is negative\)/,
    });
    expect(error.extensions.rejected).toEqual([{ index: 2, series: 'X', reason: 'the size -0.5 is negative' }]);
    expect((await send([{ ...good, size: 0 }])).data).toMatchObject({ ingestTicks: { accepted: 1 } });
    expect((await send([{ ...good, size: -0 }])).data).toMatchObject({ ingestTicks: { accepted: 1 } });
  });

  it('of several that are wrong the place is that of the first', async () => {
    const wrong = [good, { ...good, series: 'NOPE' }, { ...good, size: -1, t: 'never' }];
    await expectRefused(await send(wrong), { path: at(1, 'series'), words: /tick 1 of 'NOPE' .* and 1 more/ });
    await expectRefused(await send([...wrong].reverse()), { path: at(0, 't'), words: /tick 0 of 'X'/ });
  });

  it('an empty list is refused', async () => {
    await expectRefused(await send([]), { path: ['input'], words: /no ticks/ });
  });

  it('a single tick stands for a list of one', async () => {
    const single = good as unknown as readonly Tick[];
    expect((await send(single)).data).toMatchObject({ ingestTicks: { accepted: 1 } });
  });
});

/** In variables the server itself reads values; literals are read by graphql-js, which quotes them. */
const textOrNonNumeric = /Not a number: the text '1\.5'\. Send it without quotes\.|non numeric value: "1\.5"/;

/** The same for columns. */
type Column = { series?: unknown; t?: unknown; value?: unknown; size?: unknown };
const columnWays: Record<string, (column: Column) => Promise<Answer<{ ingestColumns: { accepted: number } }>>> = {
  'as literals': (column) =>
    postBody(
      server.url,
      JSON.stringify({
        query: raw(`mutation { ingestColumns(input: { columns: [${literal(column)}] }) { accepted } }`),
      }),
    ),
  'as a variable for the whole input': (column) =>
    postBody(server.url, raw(JSON.stringify({ query: columnsMutation, variables: { input: { columns: [column] } } }))),
  'as list variables': ({ t: instants, value, size }) => {
    const query = `mutation ($t: [Instant!]!, $v: [Float!]!, $s: [Float]) {
      ingestColumns(input: { columns: [{ series: "X", t: $t, value: $v, size: $s }] }) { accepted }
    }`;
    return postBody(server.url, raw(JSON.stringify({ query, variables: { t: instants, v: value, s: size } })));
  },
};

describe.each(Object.entries(columnWays))('columns %s', (_, send) => {
  const at = (...rest: (string | number)[]) => ['input', 'columns', 0, ...rest];
  const instants = [t, t + 1_000, t + 2_000];

  it.each<[string, Column, (string | number)[], RegExp]>([
    ['fewer values than instants', { t: instants, value: [1, 2] }, at('value'), /value has 2 items and t has 3/],
    ['more sizes than instants', { t: instants, value: [1, 2, 3], size: [1, 2, 3, 4] }, at('size'), /size has 4 items/],
    ['1e999 as a value', { t: instants, value: [1, '1e999', 3] }, at('value', 1), /finite|non numeric/],
    [
      '1e999 as a size',
      { t: instants, value: [1, 2, 3], size: [null, 1, '1e999'] },
      at('size', 2),
      /finite|non numeric/,
    ],
    ['the text NaN as a value', { t: instants, value: [1, 2, 'NaN'] }, at('value', 2), /NaN/],
    ['null as a value', { t: instants, value: [null, 2, 3] }, at('value', 0), /null/],
    ['a number as text', { t: instants, value: [1, '1.5', 3] }, at('value', 1), textOrNonNumeric],
    ['false as an instant', { t: [t, false, t], value: [1, 2, 3] }, at('t', 1), /Instant/],
    ['null as an instant', { t: [t, null, t], value: [1, 2, 3] }, at('t', 1), /Instant|null/],
  ])('%s: refused at its place', async (_name, column, path, words) => {
    await expectRefused(await send({ series: 'X', ...column }), { path, words });
  });

  it('an instant that cannot be held fails the call and is named by its place', async () => {
    const column = { series: 'X', t: [t, 'yesterday', 1e9], value: [1, 2, 3] };
    const error = await expectRefused(await send(column), { path: at('t', 1) });
    expect(error.extensions.rejected).toEqual([
      { index: 1, series: 'X', reason: expect.stringContaining('yesterday') },
      { index: 2, series: 'X', reason: expect.stringContaining('seconds') },
    ]);
  });

  it('a negative size fails the call and is named by its place', async () => {
    const error = await expectRefused(
      await send({ series: 'X', t: instants, value: [1, 2, 3], size: [0, null, -1e-9] }),
      { path: at('size', 2), words: /tick 2 of 'X' is refused \(the size -1e-9 is negative\)/ },
    );
    expect(error.extensions).toMatchObject({ rejectedCount: 1, rejected: [{ index: 2, series: 'X' }] });
  });

  it('empty columns are refused', async () => {
    await expectRefused(await send({ series: 'X', t: [], value: [] }), { path: ['input'], words: /no ticks/ });
  });

  it('single values stand for lists of one, and sizes may be null', async () => {
    expect((await send({ series: 'X', t, value: 1, size: 2 })).data).toMatchObject({ ingestColumns: { accepted: 1 } });
    expect((await send({ series: 'X', t: instants, value: [1, -0, 3], size: null })).errors).toBeUndefined();
    expect((await send({ series: 'X', t: instants, value: [1, 2, 3], size: [null, 0, null] })).errors).toBeUndefined();
  });
});

describe('partial', () => {
  const mixed = [
    { series: 'X', t: 'yesterday', value: 1 },
    { series: 'X', t: t + 5_000, value: 2 },
    { series: 'NOPE', t, value: 3 },
    { series: 'X', t: t / 1000, value: 4 },
    { series: 'X', t: t + 5_000, value: 5 },
  ];
  const reasons = [
    { index: 0, series: 'X', reason: expect.stringContaining('yesterday') },
    { index: 2, series: 'NOPE', reason: expect.stringContaining('no series') },
    { index: 3, series: 'X', reason: expect.stringContaining('seconds') },
  ];

  it('true: what is good is written, the rest is listed with its place and reason', async () => {
    const { data } = await gql<{ ingestTicks: object }>(server.url, ticksMutation, {
      input: { ticks: mixed, partial: true },
    });
    expect(data.ingestTicks).toEqual({ accepted: 1, duplicates: 1, revision: before + 1, rejected: reasons });
  });

  it('true, as columns: places count through the columns in their order', async () => {
    const columns = [
      { series: 'X', t: ['yesterday', t + 6_000], value: [1, 2] },
      { series: 'NOPE', t: [t], value: [3] },
      { series: 'X', t: [t / 1000, t + 6_000], value: [4, 5] },
    ];
    const { data } = await gql<{ ingestColumns: object }>(server.url, columnsMutation, {
      input: { columns, partial: true },
    });
    expect(data.ingestColumns).toEqual({ accepted: 1, duplicates: 1, revision: before + 1, rejected: reasons });
  });

  it('true, and nothing good: nothing is written, all are listed, no revision is taken', async () => {
    const ticks = mixed.filter((_, i) => [0, 2, 3].includes(i));
    const { data } = await gql<{ ingestTicks: { rejected: unknown[] } }>(server.url, ticksMutation, {
      input: { ticks, partial: true },
    });
    expect(data.ingestTicks).toMatchObject({ accepted: 0, revision: before });
    expect(data.ingestTicks.rejected).toHaveLength(3);
    expect(await server.revision()).toBe(before);
  });

  it('true: negative sizes are among the rest, in ticks and in columns', async () => {
    const ticks = [
      { series: 'X', t: t + 7_000, value: 1, size: -2 },
      { series: 'X', t: t + 8_000, value: 2, size: 0 },
      { series: 'X', t: t + 9_000, value: 3 },
    ];
    const rejected = [{ index: 0, series: 'X', reason: 'the size -2 is negative' }];
    const given = await gql<{ ingestTicks: object }>(server.url, ticksMutation, { input: { ticks, partial: true } });
    expect(given.data.ingestTicks).toEqual({ accepted: 2, duplicates: 0, revision: before + 1, rejected });
    const columns = [{ series: 'X', t: ticks.map((tick) => tick.t), value: [1, 2, 3], size: [-2, 0, null] }];
    const answer = await gql<{ ingestColumns: object }>(server.url, columnsMutation, {
      input: { columns, partial: true },
    });
    expect(answer.data.ingestColumns).toMatchObject({ accepted: 2, rejected });
    const read = `{ series(key: "X") { at(t: ${t + 7_000}, maxAge: "1ms") { value } } }`;
    expect(await ask(server.url, read)).toEqual({ series: { at: null } });
  });

  it('false: the first hundred are listed, and how many there are', async () => {
    const ticks = Array.from({ length: 250 }, (_, i) => ({ series: i % 2 ? 'X' : 'NOPE', t: t + i, value: i }));
    const error = await expectRefused(await gql(server.url, ticksMutation, { input: { ticks } }), {
      path: ['input', 'ticks', 0, 'series'],
    });
    expect(error.extensions.rejectedCount).toBe(125);
    expect(error.extensions.rejected).toHaveLength(100);
    expect((error.extensions.rejected as { index: number }[])[99].index).toBe(198);
  });
});
