import type { Arguments, Memory, Parameter, RowOperator, Runner } from '../operator.ts';
import type { Rows } from '../rows.ts';

/** Computes the value of each row from that row alone. */
export type Pointwise = (rows: Rows, out: Float64Array) => void;

/** Each operator has its own loop: one shared loop that calls a function per value is several times slower. */
type Told = Pick<RowOperator, 'name' | 'meaning' | 'parameters' | 'examples'> &
  Partial<Pick<RowOperator, 'missing' | 'refuse'>> & { readonly loop: (given: Arguments) => Pointwise };

const thisRow: Memory = { kind: 'rows', rows: 0 };

export function pointwise({ loop, ...told }: Told): RowOperator {
  return {
    kind: 'row',
    group: 'arithmetic',
    warmUp: 'None: it has a point as soon as its inputs have one.',
    missing: 'Where an input is not known yet.',
    ...told,
    join: 'union',
    memory: () => thisRow,
    open: (given): Runner => ({ run: loop(given), bytes: () => 0 }),
  };
}

/** Turns infinities into NaN: a value beyond the double range gives no point. */
export function finite(value: number): number {
  return value + (value - value);
}

export function seriesParameter(name: string, meaning: string): Parameter {
  return { name, type: 'series', meaning };
}

/** The relative change from `was` to x, computed from the difference, which is exact when the two are close. */
export function shareOf(x: number, was: number): number {
  const difference = x - was;
  return difference - difference === 0 ? difference / was : x / was - 1;
}
