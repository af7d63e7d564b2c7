import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startNetwork } from '../../client/network.ts';
import { describeWithBrowser, openPage, startBrowser } from '../../support/browser.ts';
import { ask } from '../../support/client.ts';
import { program, until } from '../../support/program.ts';
import { patch } from '../../support/uploads.ts';
import { Place } from './e2e-harness.ts';
import { writeTicks } from './generate.ts';
import { totalOf } from './rows.ts';

let place: Place;

beforeAll(async () => {
  place = await Place.start();
});
afterAll(() => place?.stop());

it('examples/upload.js sends a file over a cut, goes on where it was when stopped, and says what became of it', async () => {
  const file = writeTicks(join(place.folder, 'example.csv'), 17 << 20, 'NODE', 3);
  const network = await startNetwork(place.port);
  const stopped = program(process.execPath, ['examples/upload.js', file.path, network.url]);
  await stopped.says(': sent ');
  stopped.process.kill('SIGKILL');
  await stopped.ended;
  const upload = program(process.execPath, ['examples/upload.js', file.path, network.url]);
  onTestFinished(() => void upload.process.kill('SIGKILL'));
  await upload.says(': sent ');
  network.cut();
  const { code } = await upload.ended;
  await network.stop();
  expect({ code, output: upload.output() }).toMatchObject({ code: 0 });
  expect(upload.output()).toContain("status: 'DONE'");
  expect(await totalOf(place.databaseUrl, 'NODE')).toEqual({ count: file.count, sum: file.sum });
});

it('examples/upload.sh does so with curl alone: goes on where it was, previews and commits; and ends when something is wrong', async () => {
  const file = writeTicks(join(place.folder, 'shell.csv'), 1 << 20, 'SHELL', 3);
  const bytes = readFileSync(file.path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const input = `{ filename: "shell.csv", size: ${bytes.length}, sha256: "${sha256}", import: { createMissing: true, previewOnly: true } }`;
  const { createUpload } = await ask<{ createUpload: { id: string } }>(
    place.url,
    `mutation { createUpload(input: ${input}) { id } }`,
  );
  await patch(place.port, createUpload.id, 0, bytes.subarray(0, 500_000));
  const run = async (path: string) => {
    const upload = program('bash', ['examples/upload.sh', path, place.url]);
    return { code: (await upload.ended).code, output: upload.output() };
  };
  const sent = await run(file.path);
  expect(sent).toMatchObject({ code: 0, output: expect.stringContaining('"offset":500000') });
  expect(sent.output).toContain('"status":"PREVIEWED"');
  expect(sent.output).toContain('"status":"DONE"');
  expect(await totalOf(place.databaseUrl, 'SHELL')).toEqual({ count: file.count, sum: file.sum });
  writeFileSync(file.path, 'country,amount\nDE,1\n');
  expect(await run(file.path)).toMatchObject({ code: 1, output: expect.stringContaining('No column holds instants') });
});

describeWithBrowser('in a browser', () => {
  it('examples/upload.html sends the file that is chosen, and shows what becomes of it', async () => {
    const file = writeTicks(join(place.folder, 'page.csv'), 1 << 20, 'PAGE', 3);
    const files = program(process.execPath, ['examples/serve.js', '0']);
    onTestFinished(async () => {
      files.process.kill();
      await files.ended;
    });
    await files.says('react.html');
    const [site] = /http:\S+(?=\/chart\.html)/.exec(files.output())!;
    const browser = await startBrowser();
    onTestFinished(() => browser.close());
    const { page, faults } = await openPage(browser, `${site}/upload.html?${new URLSearchParams({ url: place.url })}`);
    const input = await page.$('input');
    if (input === null) throw new Error('there is nothing to choose a file with');
    await (await input.toElement('input')).uploadFile(file.path);
    const state = () => page.$eval('#state', (output) => output.textContent ?? '');
    await until(async () => /^(DONE|FAILED)/.test(await state()));
    expect(await state()).toMatch(new RegExp(`^DONE: ${file.count} rows, 0 refused, revision \\d+`));
    expect(faults).toEqual([]);
    expect(await totalOf(place.databaseUrl, 'PAGE')).toEqual({ count: file.count, sum: file.sum });
  });
});
