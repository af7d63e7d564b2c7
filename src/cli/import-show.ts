import type { Imported, ImportedPlan } from './import-server.ts';

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
  const fresh = seen.new === null ? '' : `${number.format(seen.new)} new, `;
  const known = `${number.format(seen.changed)} changed, ${number.format(seen.unchanged)} as they were`;
  return `${count(seen.rows, 'row')} (${fresh}${known}${refused})`;
}

function listed(keys: readonly string[]): string {
  return keys.length > listedMax ? `${keys.slice(0, listedMax).join(', ')} and more` : keys.join(', ');
}

function rejects(seen: Imported, url: string | null): string[] {
  if (seen.rejectedCount === 0) return [];
  const rows = seen.rejected.map(({ line, column, reason }) => {
    const place = column === null ? `line ${line}` : `line ${line}, column ${column}`;
    return `  ${place}: ${reason}`;
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

/** How a file is read: what was guessed, and what was said. */
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

function previewed(name: string, seen: Imported, rejectsUrl: string | null, more: string): string[] {
  const lines = [`${name}: not imported yet. ${seen.problem ?? `It holds ${counts(seen)}`}`];
  if (seen.plan) lines.push(...planText(seen.plan));
  if (seen.createdSeries.length > 0) lines.push(`  series that would be made: ${listed(seen.createdSeries)}`);
  if (seen.movedSeries.length > 0) lines.push(`  derived series that would move: ${listed(seen.movedSeries)}`);
  lines.push(...rejects(seen, rejectsUrl));
  if (seen.problem === null) lines.push(`  To import it: tidemark import --commit ${seen.id}${more}`);
  return lines;
}

export interface Shown {
  readonly name: string;
  readonly seen: Imported;
  readonly rejectsUrl: string | null;
  /** It was so before this command said anything. */
  readonly wasThere: boolean;
  /** Options that a command which is suggested needs as well. */
  readonly more: string;
}

/** What became of an import, in lines for people. */
export function outcome({ name, seen, rejectsUrl, wasThere, more }: Shown): string[] {
  const refused = () => rejects(seen, rejectsUrl);
  switch (seen.status) {
    case 'DONE':
      if (wasThere) return [`${name}: was imported already (import ${seen.id}, ${revisions(seen)})`];
      return [`${name}: imported ${counts(seen)}; ${revisions(seen)} (import ${seen.id})`, ...refused()];
    case 'PREVIEWED':
      return previewed(name, seen, rejectsUrl, more);
    case 'UNDONE':
      return [
        `${name}: undone in revision ${seen.undoneRevision ?? '-'}: ${count(seen.restored, 'point')} restored; ${number.format(seen.kept)} left as they are, for somebody changed them since`,
      ];
    case 'CANCELLED':
      return [`${name}: was cancelled (import ${seen.id}); nothing of it was written`];
    default:
      return [
        `${name}: failed; nothing of it was written (import ${seen.id})`,
        `  ${seen.problem ?? seen.status}`,
        ...refused(),
      ];
  }
}
