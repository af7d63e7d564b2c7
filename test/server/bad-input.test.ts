import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, ask, type GraphError, gql, ingest, postBody } from '../support/client.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let before: number;

const t = Date.parse('2026-01-05T09:30:00Z');

beforeAll(async () => {
  server = await startServer({ pointsPerCallMax: 1_000, samplesMax: 1_000, candlesMax: 50, pageMax: 100 });
  await ingest(server.url, [{ series: 'X', t, value: 1 }]);
});
afterAll(() => server.stop());
beforeEach(async () => {
  before = await server.revision();
});

/** Refused with these words and this place, by a request that was understood as one; and nothing was written. */
async function expectRefused(
  answer: Answer<unknown>,
  wanted: { code?: string; path?: readonly (string | number)[] | undefined; words?: RegExp; status?: number },
): Promise<GraphError> {
  expect(answer.errors, JSON.stringify(answer.data)).toBeDefined();
  const [error] = answer.errors ?? [];
  const { extensions, message } = error;
  expect({ status: answer.status, code: extensions.code, inputPath: extensions.inputPath }, message).toEqual({
    status: wanted.status ?? 200,
    code: wanted.code ?? 'BAD_USER_INPUT',
    inputPath: wanted.path,
  });
  if (wanted.words) expect(message).toMatch(wanted.words);
  expect(message.length).toBeLessThan(600);
  expect(await server.revision(), 'nothing was written').toBe(before);
  return error;
}

const ticksMutation = `mutation ($input: IngestTicksInput!) { ingestTicks(input: $input) { accepted duplicates revision rejected { index series reason } } }`;
const columnsMutation = `mutation ($input: IngestColumnsInput!) { ingestColumns(input: $input) { accepted duplicates revision rejected { index series reason } } }`;
const deleteMutation = `mutation ($input: DeleteTicksInput!) { deleteTicks(input: $input) { accepted revision } }`;

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

describe('keys', () => {
  const bad: [string, string, RegExp][] = [
    ['with a space', 'BTC USD', /spaces/],
    ['with a tab', 'BTC\tUSD', /spaces/],
    ['of 10 kB', 'K'.repeat(10_000), /200 characters/],
    ['that is empty', '', /empty/],
    ['with a NUL', 'A\0B', /control/],
    ['with half a surrogate pair', 'A\ud83dB', /control/],
    ['with a quote', "BTC'USD", /quotes/],
  ];

  it.each(bad)('a key %s cannot be created', async (_, key, words) => {
    const query = 'mutation ($input: CreateSeriesInput!) { createSeries(input: $input) { id } }';
    await expectRefused(await gql(server.url, query, { input: { key } }), { path: ['input', 'key'], words });
    const error = await expectRefused(
      await gql(server.url, ticksMutation, { input: { createMissing: true, ticks: [{ series: key, t, value: 1 }] } }),
      { path: ['input', 'ticks', 0, 'series'] },
    );
    expect(error.extensions.rejected).toMatchObject([{ index: 0, reason: expect.stringMatching(words) }]);
  });

  it.each(bad)('a key %s can be asked for, and there is none', async (_, key) => {
    const query = `query ($key: String!) { series(key: $key) { id } seriesByKeys(keys: [$key, "X"]) { key } }`;
    const answer = await gql(server.url, query, { key });
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toEqual({ series: null, seriesByKeys: [null, { key: 'X' }] });
    await expectRefused(await gql(server.url, 'mutation ($key: String!) { deleteSeries(key: $key) { id } }', { key }), {
      code: 'NOT_FOUND',
      path: ['key'],
    });
    await expectRefused(await gql(server.url, deleteMutation, { input: { series: key, from: t, to: t + 1 } }), {
      code: 'NOT_FOUND',
      path: ['input', 'series'],
    });
  });

  it.each<[string, Record<string, unknown>, (string | number)[]]>([
    ['a name with a NUL', { name: 'a\0' }, ['input', 'name']],
    ['a name of 10 kB', { name: 'n'.repeat(10_000) }, ['input', 'name']],
    ['a unit of 10 kB', { unit: 'n'.repeat(10_000) }, ['input', 'unit']],
    ['101 tags', { tags: Array.from({ length: 101 }, String) }, ['input', 'tags']],
    ['a tag with half a surrogate pair', { tags: ['a', '\udc00'] }, ['input', 'tags', 1]],
  ])('%s is refused', async (_, more, path) => {
    const query = 'mutation ($input: CreateSeriesInput!) { createSeries(input: $input) { id } }';
    await expectRefused(await gql(server.url, query, { input: { key: 'TEXTS', ...more } }), { path });
  });

  it('filters, tags and cursors with what no text can hold find nothing, or are refused', async () => {
    for (const name of ['tag', 'keyContains', 'after']) {
      const query = `query ($text: String!) { allSeries(${name}: $text) { nodes { key } } }`;
      await expectRefused(await gql(server.url, query, { text: 'a\0' }), { path: [name] });
      if (name !== 'after')
        expect((await gql(server.url, query, { text: '\ud800' })).data).toEqual({ allSeries: { nodes: [] } });
    }
    const cursor = Buffer.from('key:a\0b').toString('base64url');
    const answer = await gql(server.url, `{ allSeries(after: "${cursor}") { nodes { key } } }`);
    await expectRefused(answer, { path: ['after'] });
  });
});

describe('deletions', () => {
  it.each<[string, Record<string, unknown>, (string | number)[], RegExp]>([
    ['only from', { from: t }, ['input', 'to'], /both bounds; to is missing/],
    ['only to', { to: t }, ['input', 'from'], /both bounds; from is missing/],
    ['null as a bound', { from: t, to: null }, ['input', 'to'], /to is missing/],
    ['from = to', { from: t, to: t }, ['input', 'to'], /before/],
    ['from > to', { from: t + 1, to: t }, ['input', 'to'], /before/],
    ['a range and instants', { from: t, to: t + 1, at: [t] }, ['input'], /both from and to, or at/],
    ['neither', {}, ['input'], /both from and to, or at/],
    ['an empty list', { at: [] }, ['input', 'at'], /empty/],
    ['a bound in seconds', { from: 1_767_605_400, to: t }, ['input', 'from'], /seconds/],
    ['an instant that is none', { at: [t, 'soon'] }, ['input', 'at', 1], /soon/],
    ['null in the list', { at: [t, null] }, ['input', 'at', 1], /null/],
    ['too many instants', { at: Array.from({ length: 1_001 }, (_, i) => t + i) }, ['input'], /1,000 ticks/],
  ])('%s is refused', async (name, input, path, words) => {
    const code = name.startsWith('too many') ? 'TOO_EXPENSIVE' : 'BAD_USER_INPUT';
    await expectRefused(await gql(server.url, deleteMutation, { input: { series: 'X', ...input } }), {
      path,
      words,
      code,
    });
  });

  it('deleting what is not there takes no revision', async () => {
    const { deleteTicks } = await ask<{ deleteTicks: object }>(server.url, deleteMutation, {
      input: { series: 'X', from: t + 1e9, to: t + 2e9 },
    });
    expect(deleteTicks).toEqual({ accepted: 0, revision: before });
    expect(await server.revision()).toBe(before);
  });
});

describe('what a call may hold', () => {
  it('more points than a call may hold: TOO_EXPENSIVE, and how many it may', async () => {
    const ticks = Array.from({ length: 1_001 }, (_, i) => ({ series: 'X', t: t + i, value: i }));
    const wanted = { code: 'TOO_EXPENSIVE', path: ['input'], words: /1,000 ticks, this one holds 1,001/ };
    await expectRefused(await gql(server.url, ticksMutation, { input: { ticks } }), wanted);
    const columns = [0, 1].map((half) => ({
      series: 'X',
      t: ticks.filter((_, i) => i % 2 === half).map((tick) => tick.t),
      value: ticks.filter((_, i) => i % 2 === half).map((tick) => tick.value),
    }));
    await expectRefused(await gql(server.url, columnsMutation, { input: { columns } }), wanted);
  });

  it.each<[string, Record<string, unknown>, (string | number)[]]>([
    ['an empty idempotencyKey', { idempotencyKey: '' }, ['input', 'idempotencyKey']],
    ['an idempotencyKey of 201 characters', { idempotencyKey: 'k'.repeat(201) }, ['input', 'idempotencyKey']],
    ['a note of 1,001 characters', { note: 'n'.repeat(1_001) }, ['input', 'note']],
    ['a note with a NUL', { note: 'a\0' }, ['input', 'note']],
    ['an idempotencyKey with half a surrogate pair', { idempotencyKey: '\ud800' }, ['input', 'idempotencyKey']],
    ['an unknown level to wait for', { await: 'MAYBE' }, ['input', 'await']],
    ['an unknown field of the input', { replace: true }, ['input']],
    ['a text as a boolean', { partial: 'yes' }, ['input', 'partial']],
  ])('%s is refused', async (_, more, path) => {
    await expectRefused(
      await gql(server.url, ticksMutation, { input: { ticks: [{ series: 'X', t, value: 1 }], ...more } }),
      { path },
    );
  });

  it('an idempotencyKey that was used for other content is a CONFLICT', async () => {
    const send = (value: number, more: object = {}) =>
      gql(server.url, ticksMutation, {
        input: { ticks: [{ series: 'X', t, value }], idempotencyKey: 'bad-1', ...more },
      });
    expect((await send(1)).errors).toBeUndefined();
    before = await server.revision();
    const wanted = { code: 'CONFLICT', path: ['input', 'idempotencyKey'], words: /bad-1/ };
    await expectRefused(await send(2), wanted);
    await expectRefused(await send(1, { note: 'another' }), wanted);
    const deletion = { series: 'X', from: t, to: t + 1, idempotencyKey: 'bad-1' };
    await expectRefused(await gql(server.url, deleteMutation, { input: deletion }), wanted);
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

describe('what reads may ask for', () => {
  const newest = () => before;
  const wrongWayRound = `range: { from: ${t}, to: ${t - 1_000} }`;
  const bothEnds = { path: ['range'], words: /from 2026-01-05T09:30:00Z to 2026-01-05T09:29:59Z/ };

  it.each<[string, string, { code?: string; path?: (string | number)[]; words?: RegExp }]>([
    ['a negative first', 'points(first: -1) { edges { cursor } }', { path: ['first'] }],
    ['a negative last', 'points(last: -1) { edges { cursor } }', { path: ['last'] }],
    ['first and last', 'points(first: 1, last: 1) { edges { cursor } }', { path: ['last'] }],
    ['a page that is too large', 'points(first: 101) { edges { cursor } }', { code: 'TOO_EXPENSIVE', path: ['first'] }],
    ['first that is no Int', 'points(first: 3000000000) { edges { cursor } }', { path: ['first'] }],
    ['a cursor of nothing', 'points(after: "!!") { edges { cursor } }', { path: ['after'] }],
    [
      'a cursor of series',
      `points(before: "${Buffer.from('key:X').toString('base64url')}") { edges { cursor } }`,
      { path: ['before'] },
    ],
    [
      'a cursor of the future',
      `points(after: "${Buffer.from('point:99999999:0').toString('base64url')}") { edges { cursor } }`,
      { path: ['after'] },
    ],
    [
      'a cursor past every number',
      `points(after: "${Buffer.from('point:9999999999999999:9999999999999999').toString('base64url')}") { edges { cursor } }`,
      { path: ['after'] },
    ],
    ['maxPoints 0', 'samples(maxPoints: 0) { t }', { path: ['maxPoints'] }],
    ['maxPoints -1', 'samples(maxPoints: -1) { t }', { path: ['maxPoints'] }],
    ['maxPoints past the limit', 'samples(maxPoints: 1001) { t }', { code: 'TOO_EXPENSIVE', path: ['maxPoints'] }],
    ['a bucket without a unit', 'samples(bucket: "60") { t }', { path: ['bucket'], words: /unit/ }],
    ['a bucket of a month', 'samples(bucket: "P1M") { t }', { path: ['bucket'], words: /month/ }],
    ['a bucket of nothing', 'samples(bucket: "0s") { t }', { path: ['bucket'] }],
    ['a negative bucket', 'samples(bucket: "-5m") { t }', { path: ['bucket'] }],
    ['a number as a bucket', 'samples(bucket: 60) { t }', { path: ['bucket'] }],
    ['an unknown method', 'samples(method: MEDIAN) { t }', { path: ['method'] }],
    ['a range that is none', 'samples(range: { from: "now" }) { t }', { path: ['range', 'from'] }],
    ...['points(RANGE) { edges { cursor } }', 'samples(RANGE) { t }', 'candles(interval: "1h", RANGE) { t }'].map(
      (field): [string, string, { path: string[]; words: RegExp }] => [
        `a range the wrong way round of ${field.split('(', 1)[0]}`,
        field.replace('RANGE', wrongWayRound),
        bothEnds,
      ],
    ),
    ['candles without an interval', 'candles { t }', {}],
    ['candles of no interval', 'candles(interval: "0h") { t }', { path: ['interval'] }],
    [
      'candles in an unknown zone',
      'candles(interval: "1h", timeZone: "Nowhere") { t }',
      { path: ['timeZone'], words: /Nowhere/ },
    ],
    ['negative last of candles', 'candles(interval: "1h", last: -1) { t }', { path: ['last'] }],
    ['too many candles', 'candles(interval: "1h", last: 51) { t }', { code: 'TOO_EXPENSIVE' }],
    ['a maxAge that is none', `at(t: ${t}, maxAge: "old") { t }`, { path: ['maxAge'] }],
    ['at an instant that is none', 'at(t: "soon") { t }', { path: ['t'] }],
    ['negative first of versions', `versions(t: ${t}, first: -1) { value }`, { path: ['first'] }],
    ['asOf -1', 'last(asOf: -1) { value }', { path: ['asOf'] }],
    ['asOf 1.5', 'last(asOf: 1.5) { value }', { path: ['asOf'] }],
    ['asOf as a text', 'last(asOf: "1") { value }', { path: ['asOf'] }],
    ['asOf past 2^53', 'last(asOf: 9007199254740993) { value }', { path: ['asOf'] }],
    ['asOf in the future', 'samples(asOf: 9007199254740991) { t }', { path: ['asOf'], words: /newest is/ }],
    ['a diff that runs backwards', 'diff(from: 2, to: 1) { from }', { path: ['from'] }],
    ['a diff from the future', 'diff(from: 9007199254740991) { from }', { path: ['from'] }],
  ])('%s is refused at its place', async (_, field, wanted) => {
    expect(newest()).toBeGreaterThan(1);
    await expectRefused(await gql(server.url, `{ series(key: "X") { ${field} } }`), wanted);
  });

  it.each<[string, string, { code?: string; path?: (string | number)[]; words?: RegExp }]>([
    ['a range the wrong way round of evaluate', `evaluate(formula: "X", ${wrongWayRound}) { t }`, bothEnds],
    ['a negative first of series', 'allSeries(first: -1) { nodes { key } }', { path: ['first'] }],
    [
      'too many series of a page',
      'allSeries(first: 1001) { nodes { key } }',
      { code: 'TOO_EXPENSIVE', path: ['first'] },
    ],
    [
      'a cursor of points for series',
      `allSeries(after: "${Buffer.from('point:1:1').toString('base64url')}") { nodes { key } }`,
      { path: ['after'] },
    ],
    ['a commit by nothing', 'commit { revision }', { path: ['revision'] }],
    ['a commit by both', `commit(revision: 1, at: ${t}) { revision }`, { path: ['revision'] }],
    ['a commit at no moment', 'commit(at: "then") { revision }', { path: ['at'] }],
    ['1,001 keys', `seriesByKeys(keys: [${'"k",'.repeat(1_001)}]) { key }`, { code: 'TOO_EXPENSIVE', path: ['keys'] }],
    ['null among the keys', 'seriesByKeys(keys: ["a", null]) { key }', { path: ['keys', 1] }],
  ])('%s is refused at its place', async (_, field, wanted) => {
    await expectRefused(await gql(server.url, `{ ${field} }`), wanted);
  });

  it('variables are refused at the place of the argument that they are for', async () => {
    const query =
      'query ($key: String!, $first: Int, $asOf: Revision) { series(key: $key) { points(first: $first, asOf: $asOf) { edges { cursor } } } }';
    await expectRefused(await gql(server.url, query, {}), { path: ['key'], words: /\$key is missing/ });
    await expectRefused(await gql(server.url, query, { key: 'X', first: 'many' }), { path: ['first'] });
    await expectRefused(await gql(server.url, query, { key: 'X', asOf: 1.5 }), {
      path: ['asOf'],
      words: /whole number/,
    });
    await expectRefused(await gql(server.url, query, { key: null }), { path: ['key'] });
  });

  it('more samples, buckets or candles than one field gives: TOO_EXPENSIVE, and what to do', async () => {
    const ticks = (from: number) =>
      Array.from({ length: 600 }, (_, i) => ({ series: 'MANY', t: t + (from + i) * 3_600_000, value: i }));
    await ingest(server.url, ticks(0));
    await ingest(server.url, ticks(600));
    before = await server.revision();
    for (const field of [
      'samples(maxPoints: null) { t }',
      'samples(bucket: "1h") { t }',
      'candles(interval: "1h") { t }',
    ]) {
      const answer = await gql(server.url, `{ series(key: "MANY") { ${field} } }`);
      await expectRefused(answer, { code: 'TOO_EXPENSIVE', words: /more than (1,000|50) / });
    }
    const fine = await ask<{ series: { samples: { t: number[] } } }>(
      server.url,
      '{ series(key: "MANY") { samples(maxPoints: 1000) { t } } }',
    );
    expect(fine.series.samples.t.length).toBeGreaterThan(800);
  });
});
