import { lowerBound } from './versions.ts';

/** Points without history: ascending instants with a finite value each. */
export interface Line {
  readonly t: Float64Array;
  readonly value: Float64Array;
}

export const emptyLine: Line = { t: new Float64Array(0), value: new Float64Array(0) };

export function sliceLine(line: Line, from: number, to: number): Line {
  if (from === 0 && to === line.t.length) return line;
  return { t: line.t.subarray(from, to), value: line.value.subarray(from, to) };
}

/** The points in [from, to). */
export function clipLine(line: Line, from: number, to: number): Line {
  return sliceLine(line, lowerBound(line.t, from), lowerBound(line.t, to));
}

/** Concatenates lines that follow one another. */
export function joinLines(lines: readonly Line[]): Line {
  const filled = lines.filter(({ t }) => t.length > 0);
  if (filled.length === 0) return emptyLine;
  if (filled.length === 1) return filled[0];
  const length = filled.reduce((sum, { t }) => sum + t.length, 0);
  const whole = { t: new Float64Array(length), value: new Float64Array(length) };
  let at = 0;
  for (const { t, value } of filled) {
    whole.t.set(t, at);
    whole.value.set(value, at);
    at += t.length;
  }
  return whole;
}
