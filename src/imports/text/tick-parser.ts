import { Fault } from '../../engine/fault.ts';
import { quoted } from '../../engine/key.ts';
import type { ImportPlan } from '../import-plan.ts';
import { instantParserFor } from './choose-instant-parser.ts';
import { FastRowParser } from './fast-row-parser.ts';
import { type InstantParser, instantTextProblem } from './instant-parser.ts';
import { KeyTable } from './key-table.ts';
import { numberOf, numberProblem, textOf, trim } from './parse-number.ts';
import { rowProblem } from './row-problem.ts';
import type { RowReader } from './row-reader.ts';
import type { FilePosition, RejectedCell, TickBatch } from './tick-batch.ts';
import { TickColumns } from './tick-columns.ts';
import { zoneOf } from './zone.ts';

const ticksMax = 65_536;
const ticksFirst = 4_096;
const rejectsMax = 4_096;

/** A cell with a value, and the cells with the rest of its tick. */
interface ValueCell {
  readonly cell: number;
  readonly sizeCell: number;
  /** The key of its series; null when a cell names it. */
  readonly key: string | null;
  /** The index of its series; -1 before its first tick, or when a cell names it. */
  series: number;
}

/** A row that is rejected because of one cell. */
interface Refused {
  readonly cell: number;
  readonly reason: string;
}

function refused(cell: number, reason: string): Refused {
  return { cell, reason };
}

/** Parses rows into ticks. */
export class TickParser {
  readonly #reader: RowReader;
  readonly #plan: ImportPlan;
  readonly #keys: KeyTable;
  readonly #instants: InstantParser;
  readonly #tCell: number;
  readonly #seriesCell: number;
  readonly #values: readonly ValueCell[];
  readonly #wide: boolean;
  readonly #quick: FastRowParser | undefined;
  #columns = new TickColumns(ticksFirst);
  #rejects: RejectedCell[] = [];

  constructor(reader: RowReader, plan: ImportPlan, keys: readonly string[]) {
    const zone = zoneOf(plan.timeZone);
    if (zone === undefined) throw new Fault('BAD_USER_INPUT', `There is no time zone ${quoted(plan.timeZone)}.`);
    this.#reader = reader;
    this.#plan = plan;
    this.#keys = new KeyTable(keys);
    this.#instants = instantParserFor(plan.time, zone);
    const { columns } = plan;
    this.#tCell = columns.findIndex(({ role }) => role === 'T');
    this.#seriesCell = columns.findIndex(({ role }) => role === 'SERIES');
    this.#wide = columns.some(({ role, series }) => role === 'VALUE' && series !== null);
    this.#quick = plan.format === 'CSV' ? new FastRowParser(plan, this.#instants, this.#keys) : undefined;
    const sizeCells = new Map(
      columns.flatMap(({ role, series }, cell) => (role === 'SIZE' ? [[series, cell] as const] : [])),
    );
    this.#values = columns.flatMap((column, cell) => {
      if (column.role !== 'VALUE') return [];
      const key = column.series ?? plan.series;
      return [
        {
          cell,
          sizeCell: sizeCells.get(column.series) ?? -1,
          key: this.#seriesCell >= 0 ? null : key,
          series: -1,
        },
      ];
    });
  }

  /** Adds the row that the fast parser read. Returns false when the row needs the general parser. */
  #quickRow({ t, series, numbers }: FastRowParser, next: number): boolean {
    const columns = this.#columns;
    const kept = columns.count;
    const line = this.#reader.nextLine;
    for (const value of this.#values) {
      const number = numbers[value.cell];
      const size = value.sizeCell < 0 ? Number.NaN : numbers[value.sizeCell];
      if (Number.isNaN(number) || size < 0) {
        if (this.#wide && Number.isNaN(size)) continue;
        columns.count = kept;
        return false;
      }
      columns.add(value.key === null ? series : this.#seriesOf(value), t, number, size, line);
    }
    this.#reader.leave(next);
    return true;
  }

  get full(): boolean {
    return this.#columns.count >= ticksMax || this.#rejects.length >= rejectsMax;
  }

  /** Reads until the batch has enough rows or bytes. Returns false when the buffer has no more rows. */
  read(rowEnd: number, byteEnd: number): boolean {
    const reader = this.#reader;
    const { window } = reader;
    const quick = this.#quick;
    let rows = rowEnd - reader.place.row;
    let bytes = byteEnd - reader.window.place;
    while (rows > 0 && bytes > 0 && !this.full) {
      const { at } = window;
      const next = quick === undefined ? -1 : quick.read(window.bytes, at, window.end);
      if (quick === undefined || next < 0 || next > window.badAt || !this.#quickRow(quick, next)) {
        if (!reader.next()) return false;
        this.#row();
      }
      bytes -= window.at - at;
      rows--;
    }
    return true;
  }

  take(end: FilePosition, begin: FilePosition, bytes: number): TickBatch {
    const batch = { rows: end.row - begin.row, keys: this.#keys.keys, rejects: this.#rejects, end, bytes };
    const columns = this.#columns.taken();
    // The next batch will have about the same length.
    this.#columns = new TickColumns(Math.max(ticksFirst, columns.count));
    this.#rejects = [];
    return { ...batch, ...columns };
  }

  /** Adds the last row, or rejects it. */
  #row(): void {
    const refused = this.#taken();
    if (refused === undefined) return;
    const column = this.#plan.columns[refused.cell]?.name ?? null;
    this.#rejects.push({ line: this.#reader.line, column, reason: refused.reason });
  }

  #taken(): Refused | undefined {
    const { rows, line, window } = this.#reader;
    const { bytes } = window;
    const problem = rowProblem(this.#reader, this.#plan);
    if (problem !== undefined) return problem;
    const t = this.#instant(bytes, this.#tCell);
    if (Number.isNaN(t)) return refused(this.#tCell, instantTextProblem(this.#instants, this.#text(this.#tCell)));
    const kept = this.#columns.count;
    for (const value of this.#values) {
      if (this.#wide && this.#isEmpty(bytes, value.cell)) {
        if (value.sizeCell < 0 || this.#isEmpty(bytes, value.sizeCell)) continue;
        this.#columns.count = kept;
        return refused(value.cell, 'is empty, though there is a size');
      }
      const number = this.#number(bytes, value.cell);
      const size =
        value.sizeCell < 0 || rows.starts[value.sizeCell] === rows.ends[value.sizeCell]
          ? Number.NaN
          : this.#number(bytes, value.sizeCell);
      const wrong = Number.isNaN(number)
        ? value.cell
        : Number.isNaN(size) && value.sizeCell >= 0 && !this.#isEmpty(bytes, value.sizeCell)
          ? value.sizeCell
          : -1;
      if (wrong >= 0) {
        this.#columns.count = kept;
        return refused(wrong, numberProblem(this.#text(wrong), this.#plan.decimalComma));
      }
      if (size < 0) {
        this.#columns.count = kept;
        return refused(value.sizeCell, `${quoted(trim(this.#text(value.sizeCell)))} is negative, and a size is not`);
      }
      // Looked up last, so that a rejected row never adds a key.
      const series = value.key === null ? this.#series(bytes, this.#seriesCell) : this.#seriesOf(value);
      if (typeof series === 'string') return refused(this.#seriesCell, series);
      this.#columns.add(series, t, number, size, line);
    }
    return undefined;
  }

  #instant(bytes: Uint8Array, cell: number): number {
    const { starts, ends } = this.#reader.rows;
    const micros = this.#instants.read(bytes, starts[cell], ends[cell]);
    if (!Number.isNaN(micros) || !this.#trim(bytes, cell)) return micros;
    return this.#instants.read(bytes, starts[cell], ends[cell]);
  }

  #number(bytes: Uint8Array, cell: number): number {
    const { starts, ends } = this.#reader.rows;
    return numberOf(bytes, starts[cell], ends[cell], this.#plan.decimalComma);
  }

  #seriesOf(value: ValueCell): number {
    if (value.series < 0 && value.key !== null) value.series = this.#indexOf(value.key);
    return value.series;
  }

  /** The index of the key in a cell, or the reason why it is invalid. */
  #series(bytes: Uint8Array, cell: number): number | string {
    const { starts, ends } = this.#reader.rows;
    const found = this.#keys.find(bytes, starts[cell], ends[cell]);
    if (found >= 0) return found;
    if (this.#trim(bytes, cell)) return this.#series(bytes, cell);
    return this.#keys.add(bytes, starts[cell], ends[cell]);
  }

  #isEmpty(bytes: Uint8Array, cell: number): boolean {
    const { starts, ends } = this.#reader.rows;
    if (starts[cell] === ends[cell]) return true;
    this.#trim(bytes, cell);
    return starts[cell] === ends[cell];
  }

  /** Removes spaces and tabs from both ends of a cell. Returns false when there are none. */
  #trim(bytes: Uint8Array, cell: number): boolean {
    const { starts, ends } = this.#reader.rows;
    let from = starts[cell];
    let to = ends[cell];
    while (from < to && (bytes[from] === 32 || bytes[from] === 9)) from++;
    while (to > from && (bytes[to - 1] === 32 || bytes[to - 1] === 9)) to--;
    const trimmed = from !== starts[cell] || to !== ends[cell];
    starts[cell] = from;
    ends[cell] = to;
    return trimmed;
  }

  /** Enough of the cell for the message. */
  #text(cell: number): string {
    const { rows, window } = this.#reader;
    return textOf(window.bytes, rows.starts[cell], Math.min(rows.ends[cell], rows.starts[cell] + 1_000));
  }

  #indexOf(key: string): number {
    const bytes = Buffer.from(key);
    const found = this.#keys.find(bytes, 0, bytes.length);
    if (found >= 0) return found;
    const added = this.#keys.add(bytes, 0, bytes.length);
    if (typeof added === 'string') throw new Fault('BAD_USER_INPUT', `${quoted(key)} cannot be a series: ${added}.`);
    return added;
  }
}
