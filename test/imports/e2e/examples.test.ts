import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startNetwork } from '../../client/network.ts';
import { describeWithBrowser, openPage, startBrowser } from '../../support/browser.ts';
import { program, until } from '../../support/program.ts';
import { writeTicks } from './generate.ts';
import { Place } from './place.ts';
import { totalOf } from './rows.ts';

let place: Place;

beforeAll(async () => {
  place = await Place.start();
});
afterAll(() => place?.stop());

it('examples/upload.js sends a file over a cut, goes on where it was when stopped, and says what became of it', async () => {
  const file = writeTicks(join(place.folder, 'example.csv'), 30 << 20, 'NODE', 3);
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

describeWithBrowser('in a browser', () => {
  it('examples/upload.html sends the file that is chosen, and shows what becomes of it', async () => {
    const file = writeTicks(join(place.folder, 'page.csv'), 10 << 20, 'PAGE', 3);
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
