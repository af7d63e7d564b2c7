import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithBrowser, openPage, startBrowser } from '../support/browser.ts';
import { ingest, remove } from '../support/client.ts';
import { type Program, program, until } from '../support/program.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { t } from './following.ts';
import { type Network, startNetwork } from './network.ts';

describeWithBrowser('in a browser', () => {
  let server: TestServer;
  let network: Network;
  let files: Program;
  let browser: Browser;
  let site: string;

  beforeAll(async () => {
    server = await startServer();
    network = await startNetwork(server.port);
    files = program(process.execPath, ['examples/serve.js', '0']);
    browser = await startBrowser();
    await files.says('react.html');
    [site] = /http:\S+(?=\/chart\.html)/.exec(files.output())!;
  });
  afterAll(async () => {
    await browser?.close();
    files?.process.kill();
    await files?.ended;
    await network?.stop();
    await server?.stop();
  });

  const write = (series: string, ...ticks: [i: number, value: number][]) =>
    ingest(
      server.url,
      ticks.map(([i, value]) => ({ series, t: t + i * 1000, value })),
    );

  const open = (path: string, series: string, url: string) =>
    openPage(browser, `${site}/${path}?${new URLSearchParams({ series, url })}`);

  it('examples/chart.html draws what is there and what comes, over a cut; anew only when the past changes', async () => {
    await write('CHART', [0, 1], [1, 2], [2, 3]);
    const { page, faults } = await open('chart.html', 'CHART', network.url);
    await draws(page, [0, 1], [1, 2], [2, 3]);
    await page.evaluate('globalThis.scopes = []; plot.subscribeDataChanged((scope) => scopes.push(scope))');
    await write('CHART', [3, 4]);
    await draws(page, [0, 1], [1, 2], [2, 3], [3, 4]);
    await write('CHART', [3, 4.5]);
    await draws(page, [0, 1], [1, 2], [2, 3], [3, 4.5]);
    network.cut();
    await write('CHART', [4, 5]);
    await draws(page, [0, 1], [1, 2], [2, 3], [3, 4.5], [4, 5]);
    expect(await page.evaluate('scopes')).toEqual(['update', 'update', 'update']);
    const { revision } = await write('CHART', [1, 65_000.25]);
    await draws(page, [0, 1], [1, 65_000.25], [2, 3], [3, 4.5], [4, 5]);
    await gives(page, textOf('#last'), `CHART 5, revision ${revision}`);
    await remove(server.url, { series: 'CHART', from: t + 3_000, to: t + 5_000 });
    await draws(page, [0, 1], [1, 65_000.25], [2, 3]);
    expect(await page.evaluate('scopes.slice(3)')).toEqual(['full', 'full']);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('examples/chart.html says why there is nothing to draw', async () => {
    const { page } = await open('chart.html', 'NOPE', server.url);
    await gives(page, `${textOf('#last')}.split(':')[0]`, 'NOT_FOUND');
    await page.close();
  });

  it('examples/use-series.js follows what the page asks for and nothing else, over a restart of the server', async () => {
    const { databaseUrl } = server;
    let other = await startServer({ databaseUrl });
    const first = await write('ONE', [0, 1]);
    const { page, faults } = await open('react.html', 'ONE,TWO,NOPE', other.url);
    await gives(page, textOf('output'), `ONE 1, 1 points, revision ${first.revision}`);
    const { port } = other;
    await other.stop();
    await write('ONE', [1, 2]);
    await write('TWO', [0, 7]);
    const last = await write('ONE', [0, 1.5]);
    other = await startServer({ databaseUrl, port });
    await gives(page, textOf('output'), `ONE 2, 2 points, revision ${last.revision}`);
    await page.select('select', 'TWO');
    await gives(page, `${textOf('output')}.split(', revision')[0]`, 'TWO 7, 1 points');
    await until(() => other.app.feed.subscribers === 1);
    await page.select('select', 'NOPE');
    await gives(page, `${textOf('output')}.split(':')[0]`, 'NOT_FOUND');
    await page.select('select', 'ONE');
    const { revision } = await write('ONE', [2, 3]);
    await gives(page, textOf('output'), `ONE 3, 3 points, revision ${revision}`);
    expect(faults).toEqual([]);
    await page.close();
    await other.stop();
  });

  it('an EventSource follows without any library, and goes on by itself after a cut', async () => {
    await write('SOURCE', [0, 1]);
    const query = 'subscription { changes(series: ["SOURCE"]) { kind changes { points { t value } } } }';
    const { page } = await openPage(browser, site);
    await page.evaluate(`
      globalThis.events = [];
      new EventSource('${network.url}?query=' + encodeURIComponent('${query}'))
        .addEventListener('next', ({ data }) => events.push(JSON.parse(data).data.changes));
    `);
    const event = (kind: string, ...points: [i: number, value: number][]) => ({
      kind,
      changes: [{ points: { t: points.map(([i]) => t + i * 1000), value: points.map(([, value]) => value) } }],
    });
    await gives(page, 'events', [event('SNAPSHOT', [0, 1])]);
    await write('SOURCE', [1, 2]);
    await gives(page, 'events[1]', event('CHANGE', [1, 2]));
    network.cut();
    await write('SOURCE', [2, 3]);
    await gives(page, `events.filter(({ kind }) => kind !== 'PROGRESS')[2]`, event('CHANGE', [2, 3]));
    await page.close();
  });

  it('a page of another site connects only where ALLOWED_ORIGINS names it', async () => {
    const charts = site.replace('localhost', 'charts.example');
    const allowing = await startServer({ databaseUrl: server.databaseUrl, allowedOrigins: [new URL(charts).origin] });
    const { page } = await openPage(browser, charts);
    const connects = ({ url }: TestServer) =>
      page.evaluate(`Promise.all([
        fetch('${url}', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ revision }"}' })
          .then(({ ok }) => ok, () => false),
        ...[
          new WebSocket('${url.replace('http', 'ws')}', 'graphql-transport-ws'),
          new EventSource('${url}?query=subscription{changes(series:["SOURCE"]){kind}}'),
        ].map((each) => new Promise((resolve) => {
          each.onopen = () => resolve(true);
          each.onerror = () => resolve(false);
        }).finally(() => each.close())),
      ])`);
    expect(await connects(allowing)).toEqual([true, true, true]);
    expect(await connects(server)).toEqual([false, false, false]);
    await page.close();
    await allowing.stop();
  });
});

const waitMillis = 20_000;

/** Waits until a page gives this; else shows what it gives. */
async function gives(page: Page, expression: string, wanted: unknown): Promise<void> {
  const isThere = `JSON.stringify(${expression}) === ${JSON.stringify(JSON.stringify(wanted))}`;
  await page
    .waitForFunction(isThere, { timeout: waitMillis })
    .catch(async () => expect(await page.evaluate(expression)).toEqual(wanted));
}

const textOf = (selector: string) => `document.querySelector('${selector}')?.textContent`;

/** Waits until the chart holds these points: the second behind `t`, and the value. */
function draws(page: Page, ...points: [i: number, value: number][]): Promise<void> {
  return gives(page, `plot.data().map(({ time, value }) => [time - ${t / 1000}, value])`, points);
}
