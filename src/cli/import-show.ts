import type { Imported, ImportedPlan } from './import-server.ts';
import { withOptionNames } from './option-names.ts';

const number = new Intl.NumberFormat('en');
const listedMax = 10;

function count(many: number, one: string): string {
  const plural = one === 'series' ? one : `${one}s`;
  return `${number.format(many)} ${many === 1 ? one : plural}`;
}

function revisions({ fromRevision, toRevision }: Imported): string {
  if (fromRevision === null) return 'nothing was to be written';
  return toRevision === null || toRevision === fromRevision
    ? `revision ${fromRevision}`
    : `revisions ${fromRevision} to ${toRevision}`;
}

function counts(seen: Imported): string {
  const refused = seen.rejectedCount > 0 ? `, ${number.format(seen.rejectedCount)} refused` : '';
  const [changed, unchanged] = [number.format(seen.changed), number.format(seen.unchanged)];
  if (seen.new === null)
    return `${count(seen.rows, 'row')} of several series (${count(seen.changed, 'point')} changed, ${unchanged} as they were, others new${refused})`;
  return `${count(seen.rows, 'row')} (${number.format(seen.new)} new, ${changed} changed, ${unchanged} as they were${refused})`;
}

function listed(keys: readonly string[]): string {
  return keys.length > listedMax ? `${keys.slice(0, listedMax).join(', ')} and more` : keys.join(', ');
}

function rejects(seen: Imported, url: string | null): string[] {
  if (seen.rejectedCount === 0) return [];
  const rows = seen.rejected.map(({ line, column, reason }) => {
    const place = column === null ? `line ${line}` : `line ${line}, column ${column}`;
    return `  ${place}: ${withOptionNames(reason)}`;
  });
  const more = seen.rejectedCount - seen.rejected.length;
  return [
    ...rows,
    ...(more > 0 ? [`  and ${number.format(more)} more`] : []),
    ...(url === null ? [] : [`  all of them: ${url}`]),
  ];
}

function separator(delimiter: string): string {
  return delimiter === '\t' ? 'tabs' : `'${delimiter}'`;
}

/** Describes how the file is read: guessed and given values. */
function planText(plan: ImportedPlan): string[] {
  const csv = plan.format === 'CSV';
  const parts = [
    `${plan.format}${plan.gzip ? ', gzipped' : ''}, ${plan.encoding}`,
    ...(csv ? [`separated by ${separator(plan.delimiter)}`, plan.header ? 'with a header' : 'without a header'] : []),
    ...(plan.decimalComma ? ['decimal comma'] : []),
    `instants as ${plan.timeFormat}, ${plan.timeZone} where they name no zone`,
  ];
  const rows = [
    ['column', 'role', 'series', 'examples'],
    ...plan.columns.map(({ name, role, series, examples }) => [name, role, series ?? '', examples.join(' | ')]),
  ];
  const widths = [0, 1, 2].map((place) => Math.max(...rows.map((row) => row[place].length)));
  const table = rows.map((row) =>
    row
      .map((cell, place) => cell.padEnd(widths[place] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [`  ${parts.join('; ')}`, ...table.map((line) => `  ${line}`)];
}

/** The command that commits a preview, with the option that it needs when rows are rejected. */
function committing({ id, rejectedCount, rejected }: Imported, { command, more, isPartial }: OutcomeContext): string {
  const call = `${command} --commit ${id}${more}`;
  if (rejectedCount === 0 || isPartial) return `  To import it: ${call}`;
  if (rejected.every(({ reason }) => reason.includes('set createMissing')))
    return `  To import it, and make the series that are missing: ${call} --create-missing`;
  return `  To import all but what is refused: ${call} --partial`;
}

/** The reason why nothing was written. The rejected rows are listed below it. */
function failure({ problem, status, rejected, rejectedCount }: Imported): string {
  const isListed = rejected.length > 0 && problem?.includes(rejected[0].reason);
  if (!isListed) return withOptionNames(problem ?? status);
  const refused = rejectedCount === 1 ? 'A row is refused' : `${number.format(rejectedCount)} rows are refused`;
  return `${refused}: correct the file, or leave out what is refused with --partial.`;
}

function previewed(shown: OutcomeContext): string[] {
  const { name, seen, rejectsUrl } = shown;
  const lines = [`${name}: not imported yet. ${withOptionNames(seen.problem ?? `It holds ${counts(seen)}`)}`];
  if (seen.plan) lines.push(...planText(seen.plan));
  if (seen.createdSeries.length > 0) lines.push(`  series that would be made: ${listed(seen.createdSeries)}`);
  if (seen.movedSeries.length > 0) lines.push(`  derived series that would move: ${listed(seen.movedSeries)}`);
  lines.push(...rejects(seen, rejectsUrl));
  if (seen.problem === null) lines.push(committing(seen, shown));
  return lines;
}

function undone({ undoneRevision, restored, kept }: Imported): string {
  const where = undoneRevision === null ? '' : ` in revision ${undoneRevision}`;
  const left = kept === 0 ? '' : `; ${number.format(kept)} left as they are, for somebody changed them since`;
  return `undone${where}: ${count(restored, 'point')} restored${left}`;
}

export interface OutcomeContext {
  readonly name: string;
  readonly seen: Imported;
  readonly rejectsUrl: string | null;
  /** True when the import had this status before the command did anything. */
  readonly wasThere: boolean;
  /** The name under which the user ran this command. */
  readonly command: string;
  /** Options that a suggested command also needs. */
  readonly more: string;
  /** True when the user asked to skip rejected rows. */
  readonly isPartial: boolean;
}

/** Describes the result of an import in lines for people. */
export function describeOutcome(shown: OutcomeContext): string[] {
  const { name, seen, rejectsUrl, wasThere } = shown;
  const refused = () => rejects(seen, rejectsUrl);
  switch (seen.status) {
    case 'DONE':
      if (wasThere) return [`${name}: was imported already (import ${seen.id}, ${revisions(seen)})`];
      return [`${name}: imported ${counts(seen)}; ${revisions(seen)} (import ${seen.id})`, ...refused()];
    case 'PREVIEWED':
      return previewed(shown);
    case 'UNDONE':
      return [`${name}: ${undone(seen)}`];
    case 'CANCELLED':
      return [`${name}: was cancelled (import ${seen.id}); nothing of it was written`];
    default:
      return [`${name}: failed; nothing of it was written (import ${seen.id})`, `  ${failure(seen)}`, ...refused()];
  }
}
