import { expect, it } from 'vitest';
import { bytesText, Progress } from '../../src/cli/progress.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 60, written, write: (text: string) => void written.push(text) };
}

it('on a terminal one line is drawn over, no longer than the terminal is wide, and taken away at last', () => {
  const terminal = screen(true);
  const progress = new Progress(terminal, 'a.csv');
  progress.show('sent', 0.5, '1.0 MB of 2.0 MB');
  progress.show('sent', 0.6, 'too soon to be drawn');
  progress.show('sent', 1, 'x'.repeat(100));
  progress.say('interrupted');
  progress.clear();
  const [half, whole, ...rest] = terminal.written;
  expect(half).toBe(`\r\x1b[Ka.csv: sent [${'#'.repeat(12)}${'.'.repeat(12)}]  50 %  1.0 MB of 2.0 MB`.slice(0, 63));
  expect(whole).toMatch(/a.csv: sent \[#{24}\] 100 % {2}x+$/);
  expect(whole).toHaveLength('\r\x1b[K'.length + 59);
  expect(rest).toEqual(['\r\x1b[K', 'a.csv: interrupted\n']);
});

it('elsewhere there is a line for each phase, and then one now and then', () => {
  const log = screen(false);
  const progress = new Progress(log, 'a.csv');
  for (let part = 0; part <= 1; part += 0.01) progress.show('sent', part, 'of 2.0 MB');
  progress.show('waits for a worker', undefined, '');
  progress.clear();
  expect(log.written).toEqual(['a.csv: sent 0 %, of 2.0 MB\n', 'a.csv: waits for a worker\n']);
});

it('bytes are told in units of a thousand', () => {
  expect([0, 999, 1_000, 1_250_000, 73_400_320_000].map(bytesText)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '1.3 MB',
    '73.4 GB',
  ]);
});
