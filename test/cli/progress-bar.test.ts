import { expect, it } from 'vitest';
import { withOptionNames } from '../../src/cli/option-names.ts';
import { formatBytes, ProgressBar } from '../../src/cli/progress-bar.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 60, written, write: (text: string) => void written.push(text) };
}

it('on a terminal one line is drawn over, no longer than the terminal is wide, and taken away at last', () => {
  const terminal = screen(true);
  const progress = new ProgressBar(terminal, 'a.csv');
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

it('elsewhere there is a line now and then, and none of what is soon over', () => {
  const log = screen(false);
  const run = (progress: ProgressBar) => {
    progress.show('sent', 0.5, 'of 2.0 MB');
    progress.show('waits for a worker', undefined, '');
    progress.clear();
  };
  run(new ProgressBar(log, 'a.csv'));
  expect(log.written).toEqual([]);
  run(new ProgressBar(log, 'a.csv', 0));
  expect(log.written).toEqual(['a.csv: sent 50 %, of 2.0 MB\n', 'a.csv: waits for a worker\n']);
});

it('bytes are told in units of a thousand', () => {
  expect([0, 999, 1_000, 1_250_000, 73_400_320_000].map(formatBytes)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '1.3 MB',
    '73.4 GB',
  ]);
});

it('what the server says is told in options of the command, but for what it quotes', () => {
  expect(
    withOptionNames(
      "No column holds instants ('timeFormat', 'x'): name one in columns with the role T, and its timeFormat.",
    ),
  ).toBe("No column holds instants ('timeFormat', 'x'): name one with --map column=T, and its --time-format.");
  expect(withOptionNames('say header: false, or partial: true')).toBe('say --header no, or --partial');
});
