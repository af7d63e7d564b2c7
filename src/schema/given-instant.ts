import { Fault, type InputPath } from '../engine/fault.ts';

/** An instant that was given but cannot be held, and why. A tick that has one is rejected; elsewhere it is a fault. */
export class BadInstant {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

/** Microseconds since 1970, or why not. */
export type GivenInstant = number | BadInstant;

/** The instant of an argument, or a fault that names its place. */
export function requireInstant(given: GivenInstant, path: InputPath): number {
  if (given instanceof BadInstant) throw new Fault('BAD_USER_INPUT', `Not an instant: ${given.problem}.`, path);
  return given;
}
