import type { Arguments, Operator } from '../operator.ts';

/** The position of a part of a formula, counted from 1 in UTF-16 units. */
export interface SourceLocation {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** A valid formula. It may still name series that do not exist. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number; readonly place: SourceLocation }
  /** The values of a series. */
  | { readonly kind: 'series'; readonly key: string; readonly place: SourceLocation }
  /** The sizes of a series, as a series. */
  | { readonly kind: 'size'; readonly key: string; readonly place: SourceLocation }
  /**
   * A parameter of type 'ticks' becomes two inputs, 'series' and 'size', or 'size' alone when the operator takes only
   * sizes.
   */
  | {
      readonly kind: 'call';
      readonly operator: Operator;
      readonly inputs: readonly Expression[];
      readonly given: Arguments;
      readonly place: SourceLocation;
    };
