import type { Arguments, Operator } from '../operator.ts';

/** Where a part of a formula stands: from 1 on, in UTF-16 units as JavaScript counts them. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** A formula that is right in itself; whether the series that it names exist is another question. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly place: Place }
  /** The values of a series. */
  | { readonly kind: 'series'; readonly key: string; readonly place: Place }
  /** The sizes of a series, as a series. */
  | { readonly kind: 'size'; readonly key: string; readonly place: Place }
  /** A parameter of type 'ticks' stands as two inputs, 'series' and 'size'; as 'size' alone where the operator takes that. */
  | {
      readonly kind: 'call';
      readonly operator: Operator;
      readonly inputs: readonly Expression[];
      readonly given: Arguments;
      readonly place: Place;
    };
