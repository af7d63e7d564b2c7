// What a fixture is filled with, over the API of any commit, and what is read back.

async function post(base, query, variables) {
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

async function ask(base, query, variables) {
  const { data, errors } = await post(base, query, variables);
  if (errors) throw new Error(`${query}: ${JSON.stringify(errors)}`);
  return data;
}

async function until(what, condition) {
  for (const end = Date.now() + 180_000; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

const start = Date.UTC(2026, 0, 1) * 1000;
/** The instant i seconds and some microseconds after the beginning of 2026. */
function instant(i, micros = 0) {
  const at = start + i * 1_000_000;
  const whole = new Date(Math.floor(at / 1_000_000) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(micros).padStart(6, '0')}Z`;
}
const wave = (i) => Math.round((100 + 10 * Math.sin(i / 7) + (i % 5) / 3) * 1000) / 1000;
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

const ingest = (base, ticks, more = {}) =>
  ask(base, 'mutation($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }', {
    input: { ticks, createMissing: true, ...more },
  });

const define = (base, key, formula) =>
  ask(base, 'mutation($input: DefineSeriesInput!) { defineSeries(input: $input) { key } }', {
    input: { key, formula },
  });

async function namesOf(base, type) {
  const { __type } = await ask(base, 'query($type: String!) { __type(name: $type) { fields { name } } }', { type });
  return new Set(__type?.fields.map(({ name }) => name) ?? []);
}

async function allLive(base) {
  const { seriesByKeys, settledRevision, revision } = await ask(
    base,
    `{ revision settledRevision seriesByKeys(keys: ["MEAN", "SPREAD", "TWICE"]) { ... on DerivedSeries { status nextFormula } } }`,
  );
  return settledRevision === revision && seriesByKeys.every((one) => one.status === 'LIVE' && one.nextFormula === null);
}

/** Ticks with and without sizes, corrections, deletions, a deleted series whose key is used again; all small. */
async function writeSources(base, query) {
  await ask(
    base,
    `mutation { createSeries(input: { key: "A", name: "First", unit: "USD", tags: ["x", "y"] }) { id } }`,
  );
  await ingest(
    base,
    range(0, 60).flatMap((i) => [
      { series: 'A', t: instant(i), value: wave(i), size: i % 7 },
      { series: 'B', t: instant(i, 250_001), value: -wave(i + 3) },
    ]),
    { note: 'the beginning' },
  );
  await ingest(base, [{ series: 'GONE', t: instant(0), value: 1 }]);
  await ask(base, 'mutation { deleteSeries(key: "GONE") { revision } }');
  await ingest(base, [{ series: 'GONE', t: instant(1), value: 2 }], { idempotencyKey: 'again' });
  // Enough commits to be sealed, each tenth of them a correction.
  for (const i of range(0, 200)) {
    const at = i % 10 === 9 ? i - 5 : i;
    await ingest(base, [{ series: 'C', t: instant(at * 60), value: wave(i), ...(i % 2 === 0 && { size: i / 4 }) }]);
  }
  // More than one commit takes at once: it is staged.
  const columns = [
    { series: 'LARGE', t: range(0, 20_100).map((i) => instant(i)), value: range(0, 20_100).map((i) => i % 10) },
  ];
  await ask(base, 'mutation($input: IngestColumnsInput!) { ingestColumns(input: $input) { revision } }', {
    input: { columns, createMissing: true },
  });
  const remove = (input) =>
    ask(base, 'mutation($input: DeleteTicksInput!) { deleteTicks(input: $input) { revision } }', { input });
  await remove({ series: 'A', at: [instant(3), instant(5)] });
  await remove({ series: 'LARGE', from: instant(100), to: instant(20_000) });
  await remove({ series: 'C', from: instant(600), to: instant(1_200), note: 'an error of the exchange' });
  await ingest(
    base,
    range(8, 12).map((i) => ({ series: 'A', t: instant(i), value: 1000 + i, size: null })),
  );
  await until('sealed blocks', async () => (await query('SELECT FROM sealed_blocks')).length > 0);
}

/** Derived series, one of another, one defined anew, one deleted; then a correction and a deletion in what they read. */
async function writeDerived(base) {
  await define(base, 'MEAN', 'mean(A, 1m)');
  await define(base, 'SPREAD', 'fill(A, A + B) - fill(B, A + B)').catch(() => define(base, 'SPREAD', 'A - B'));
  await define(base, 'TWICE', '2 * MEAN + ema(C, span: 5)');
  await define(base, 'DROPPED', 'A * 3');
  await until('live', () => allLive(base));
  await ask(base, 'mutation { deleteSeries(key: "DROPPED") { revision } }');
  await define(base, 'MEAN', 'mean(A, 20s) + 1');
  await until('live again', () => allLive(base));
  await ingest(base, [
    { series: 'A', t: instant(20), value: 5, size: 1 },
    { series: 'C', t: instant(0), value: 7 },
    { series: 'A', t: instant(70), value: 9 },
  ]);
  await ask(base, 'mutation($input: DeleteTicksInput!) { deleteTicks(input: $input) { revision } }', {
    input: { series: 'A', at: [instant(30)] },
  });
  await until('settled', () => allLive(base));
}

async function importFile(base, filename, text, input) {
  const query = `mutation($file: File!, $input: ImportInput) { importFile(file: $file, input: $input) { id } }`;
  const form = new FormData();
  form.append('operations', JSON.stringify({ query, variables: { file: null, input } }));
  form.append('map', JSON.stringify({ 0: ['variables.file'] }));
  form.append('0', new Blob([text]), filename);
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    body: form,
    headers: { 'graphql-preflight': '1' },
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  const { id } = data.importFile;
  await until(`the end of ${filename}`, async () => {
    const { import: found } = await ask(base, 'query($id: ID!) { import(id: $id) { status } }', { id });
    return !['UPLOADING', 'QUEUED', 'RUNNING'].includes(found.status);
  });
  return id;
}

/** Imports that are done, taken back, looked at and failed. */
async function writeImports(base) {
  const lines = (key, from, to, add) =>
    range(from, to)
      .map((i) => `${key},${instant(i)},${wave(i) + add},${i}\n`)
      .join('');
  const head = 'series,t,value,size\n';
  await importFile(base, 'done.csv', `${head}${lines('A', 50, 80, 1)}${lines('IMPORTED', 0, 40, 2)}`, {
    createMissing: true,
  });
  const undone = await importFile(base, 'undone.csv', `${head}${lines('B', 0, 20, 5)}${lines('IMPORTED', 30, 50, 3)}`, {
    createMissing: true,
  });
  await ask(base, 'mutation($id: ID!) { undoImport(id: $id) { id } }', { id: undone });
  await until(
    'undone',
    async () =>
      (await ask(base, 'query($id: ID!) { import(id: $id) { status } }', { id: undone })).import.status === 'UNDONE',
  );
  await importFile(base, 'previewed.csv', `${head}${lines('A', 0, 20, 9)}`, { previewOnly: true });
  await importFile(base, 'failed.csv', `${head}A,${instant(1)},1,1\nA,yesterday,2,2\n`, {});
}

export async function writeEverything(base, query) {
  await writeSources(base, query);
  const mutations = await namesOf(base, 'Mutation');
  if (mutations.has('defineSeries')) await writeDerived(base);
  if (mutations.has('undoImport')) await writeImports(base);
  if (mutations.has('defineSeries')) await until('settled', () => allLive(base));
}

/** Every point of a series as of a revision: [t, value, size, revision]; null where the API refuses to answer. */
export async function pointsOf(base, key, asOf) {
  const points = [];
  for (let after = null; ; ) {
    const { data, errors } = await post(
      base,
      `query($key: String!, $asOf: Revision, $after: String) { series(key: $key) {
        points(first: 500, after: $after, asOf: $asOf) { nodes { t value size revision } pageInfo { hasNextPage endCursor } } } }`,
      { key, asOf, after },
    );
    if (errors) return null;
    const { nodes, pageInfo } = data.series.points;
    for (const { t, value, size, revision } of nodes) points.push([t, value, size, revision]);
    if (!pageInfo.hasNextPage) return points;
    after = pageInfo.endCursor;
  }
}

/** The first, the newest and a few between. */
function someRevisions(newest) {
  return [
    ...new Set([
      ...range(1, 6),
      ...range(1, 8).map((i) => Math.round((newest * i) / 8)),
      ...range(newest - 20, newest + 1),
    ]),
  ].filter((revision) => revision > 0);
}

/** All that a later version must still answer. */
export async function readEverything(base) {
  const { revision, allSeries } = await ask(
    base,
    '{ revision allSeries(first: 100) { nodes { key name unit tags __typename } } }',
  );
  const queries = await namesOf(base, 'Query');
  const derived = queries.has('settledRevision')
    ? await ask(base, '{ allSeries(first: 100) { nodes { key ... on DerivedSeries { formula } } } }').then(
        ({ allSeries }) =>
          Object.fromEntries(
            allSeries.nodes.filter(({ formula }) => formula).map(({ key, formula }) => [key, formula]),
          ),
      )
    : {};
  const imports = queries.has('imports')
    ? (
        await ask(
          base,
          '{ imports(first: 100) { nodes { id filename status accepted rejectedCount unchanged changed restored kept createdCount fromRevision toRevision undoneRevision } } }',
        )
      ).imports.nodes
    : [];
  const points = {};
  for (const { key } of allSeries.nodes) {
    points[key] = {};
    for (const asOf of someRevisions(revision)) {
      const found = await pointsOf(base, key, asOf);
      if (found !== null && (key !== 'LARGE' || found.length < 1_000)) points[key][asOf] = found;
    }
  }
  return { revision, series: allSeries.nodes, derived, imports, points };
}
