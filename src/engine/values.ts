import { lowerBound } from './versions.ts';

/** Points without history: ascending instants with a finite value each. */
export interface Values {
  readonly t: Float64Array;
  readonly value: Float64Array;
}

export const noValues: Values = { t: new Float64Array(0), value: new Float64Array(0) };

function sliceValues(values: Values, from: number, to: number): Values {
  if (from === 0 && to === values.t.length) return values;
  return { t: values.t.subarray(from, to), value: values.value.subarray(from, to) };
}

/** The points in [from, to). */
export function clipValues(values: Values, from: number, to: number): Values {
  return sliceValues(values, lowerBound(values.t, from), lowerBound(values.t, to));
}

/** Concatenates parts that follow one another in time. */
export function joinValues(parts: readonly Values[]): Values {
  const filled = parts.filter(({ t }) => t.length > 0);
  if (filled.length === 0) return noValues;
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
