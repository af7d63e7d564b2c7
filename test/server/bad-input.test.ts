import { describe, expect, it } from 'vitest';
import { ask, gql, ingest } from '../support/client.ts';
import {
  before,
  columnsMutation,
  deleteMutation,
  expectRefused,
  rememberRevision,
  serveLimited,
  server,
  t,
  ticksMutation,
} from './refusals.ts';

serveLimited();

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
    await rememberRevision();
    const wanted = { code: 'CONFLICT', path: ['input', 'idempotencyKey'], words: /bad-1/ };
    await expectRefused(await send(2), wanted);
    await expectRefused(await send(1, { note: 'another' }), wanted);
    const deletion = { series: 'X', from: t, to: t + 1, idempotencyKey: 'bad-1' };
    await expectRefused(await gql(server.url, deleteMutation, { input: deletion }), wanted);
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
    await rememberRevision();
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
