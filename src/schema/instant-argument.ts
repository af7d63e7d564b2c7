import { Fault, type InputPath } from '../engine/fault.ts';

/** An invalid instant of an argument, with the reason. A tick with one is rejected; elsewhere it is a fault. */
export class InvalidInstant {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

/** Microseconds since 1970, or the reason why it is invalid. */
export type InstantArgument = number | InvalidInstant;

/** The instant of an argument. Throws a fault with its path when it is invalid. */
export function requireInstant(given: InstantArgument, path: InputPath): number {
  if (given instanceof InvalidInstant) throw new Fault('BAD_USER_INPUT', `Not an instant: ${given.problem}.`, path);
  return given;
}
