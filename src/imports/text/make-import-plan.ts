import { Fault } from '../../engine/fault.ts';
import { quoted } from '../../engine/key.ts';
import type { ImportInput } from '../import-input.ts';
import type { ImportPlan } from '../import-plan.ts';
import { type FileSample, readSample } from './file-sample.ts';
import { type FileLayout, guessLayout } from './guess-layout.ts';
import { openRows } from './open-rows.ts';
import { planColumns } from './plan-columns.ts';
import { requestedColumns } from './requested-columns.ts';
import { type ByteSource, startOfFile } from './tick-batch.ts';
import { timePatternProblem } from './time-pattern.ts';
import { zoneOf } from './zone.ts';

/** Plans how to read a file, from the client's input and the first rows. */
export async function makeImportPlan(source: ByteSource, input: ImportInput): Promise<ImportPlan> {
  const timeZone = input.timeZone ?? 'UTC';
  const zone = zoneOf(timeZone);
  if (zone === undefined) {
    throw new Fault(
      'BAD_USER_INPUT',
      `There is no time zone ${quoted(timeZone)}: use an IANA name such as Europe/Berlin, or UTC.`,
      ['input', 'timeZone'],
    );
  }
  checkTimeFormat(input.timeFormat);
  const sample = await readSample(source, input);
  const form = guessLayout(sample, input);
  const plain = planned(sample, form, timeZone);
  if (form.names.length === 0) await refuseFirstRow(source, plain);
  const given = requestedColumns(input, form, sample.whole);
  const names = [...form.names, ...given.unseen];
  const seen = {
    names,
    header: form.header || form.format === 'NDJSON',
    texts: names.map((_, i) => form.texts[i] ?? []),
  };
  return { ...plain, ...planColumns(seen, given.byName, input, source.filename, zone) };
}

function planned(sample: FileSample, form: FileLayout, timeZone: string): ImportPlan {
  const { gzip, encoding } = sample;
  const { format, delimiter, quote, header } = form;
  const open = { decimalComma: false, time: { kind: 'rfc3339' }, series: null, columns: [], problem: null } as const;
  return { format, gzip, encoding, delimiter, quote, header, timeZone, ...open };
}

/** Reports the error in a first row that is longer than the sample. */
async function refuseFirstRow(source: ByteSource, plan: ImportPlan): Promise<never> {
  const { reader, close } = await openRows(source, plan, startOfFile);
  try {
    while (!reader.next())
      if (!(await reader.fill())) throw new Fault('BAD_USER_INPUT', 'This file is empty: it has no row.');
  } finally {
    await close();
  }
  throw new Fault('BAD_USER_INPUT', 'The first row of this file is longer than 256 KiB: this is no table of ticks.');
}

function checkTimeFormat(timeFormat: string | undefined): void {
  if (timeFormat === undefined || /^(RFC3339|SECONDS|MILLIS|MICROS|NANOS)$/.test(timeFormat)) return;
  const problem = timePatternProblem(timeFormat);
  if (problem === undefined) return;
  throw new Fault(
    'BAD_USER_INPUT',
    `timeFormat is RFC3339, SECONDS, MILLIS, MICROS, NANOS or a pattern such as dd.MM.yyyy HH:mm:ss: ${problem}.`,
    ['input', 'timeFormat'],
  );
}
