import { afterEach, expect, it, vi } from 'vitest';
import { lineLog, openLog, readable, reporter } from '../../src/run/log.ts';

function written(): string[] {
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return lines;
}

afterEach(() => void vi.restoreAllMocks());

it('a line is a JSON object with its time, its level and the process; lower levels are left out', () => {
  const lines = written();
  const log = openLog({ logLevel: 'info' }, false);
  log.debug('not this');
  lineLog(log, 'warn')('two\n  lines');
  log.info({ requestId: 'r1' }, 'answered');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'warn', pid: process.pid, msg: 'two | lines' },
    { time: expect.any(String), level: 'info', pid: process.pid, requestId: 'r1', msg: 'answered' },
  ]);
  for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
});

it('an error is logged with its stack, its causes and its request', () => {
  const lines = written();
  reporter(openLog({ logLevel: 'error' }, false))(new Error('outer', { cause: new TypeError('inner') }), 'r2');
  const { level, err, requestId } = JSON.parse(lines[0]);
  expect([lines.length, level, requestId]).toEqual([1, 'error', 'r2']);
  expect(err).toMatch(/^Error: outer\n {4}at .* \| caused by TypeError: inner\n {4}at /s);
});

it('at a terminal a line is for reading', () => {
  const lines = written();
  const log = openLog({ logLevel: 'debug' }, true);
  log.debug({ status: 200, millis: 3 }, 'request');
  log.error({ err: 'Error: no\n    at here' }, 'internal error');
  expect(lines[0]).toMatch(/^\d{4}-\S+Z DEBUG request \(status=200, millis=3\)\n$/);
  expect(lines[1]).toMatch(/^\S+ ERROR internal error\n {2}Error: no\n {4}at here\n$/);
  expect(readable('{"time":"T","level":"warn","msg":"m"}\n')).toBe('T WARN m\n');
});
