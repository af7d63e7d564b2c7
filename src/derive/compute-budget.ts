import { setImmediate } from 'node:timers/promises';
import type { Fault } from '../engine/fault.ts';

/** The computing budget of one operation, shared by all its fields. */
export class ComputeBudget {
  readonly pointsMax: number;
  #left: number;

  constructor(pointsMax: number) {
    this.pointsMax = pointsMax;
    this.#left = pointsMax;
  }

  /** Takes from the budget. Returns false if too little is left; then every later request fails too. */
  spend(points: number): boolean {
    this.#left -= points;
    return this.#left >= 0;
  }
}

/** The resources of one computation: the budget of its operation, until the client no longer waits for the answer. */
export interface Allowance {
  readonly budget: ComputeBudget;
  readonly signal: AbortSignal;
}

/** The time of computing between two yields to the event loop. */
const stretchMillis = 8;

/** The limits of one batch, in points times operators. A slow batch lowers the size of the next ones. */
const atOnceMax = 4_096;
const atOnceMin = 16;
const slowMillis = 4;

/**
 * The cost of one computation: the points that it reads or, if more, the points that pass through its operators,
 * counted once per operator. One operator over n points costs n, and k operators cost k times as much.
 */
export class ComputeMeter {
  readonly #allowance: Allowance;
  readonly #refusal: (pointsMax: number) => Fault;
  #read = 0;
  #computed = 0;
  #paid = 0;
  #workedSince = performance.now();
  #givenAt = Number.POSITIVE_INFINITY;
  #atOnce = atOnceMax;

  /** `refusal` is the message for a computation that exceeds the budget. */
  constructor(allowance: Allowance, refusal: (pointsMax: number) => Fault) {
    this.#allowance = allowance;
    this.#refusal = refusal;
  }

  read(points: number): void {
    this.#read += points;
    this.#pay();
  }

  /** The number of points that a stage with this number of operators may process in one batch. */
  pointsAtOnce(operators: number): number {
    return Math.max(1, Math.floor(this.#atOnce / operators));
  }

  /** Pays for a batch of points through this number of operators. */
  compute(points: number, operators: number): void {
    this.#computed += points * operators;
    this.#pay();
    this.#givenAt = performance.now();
  }

  /** Yields to the event loop now and then. Throws when the client no longer waits or the budget is used up. */
  async rest(): Promise<void> {
    const { signal } = this.#allowance;
    signal.throwIfAborted();
    this.#pay();
    const now = performance.now();
    const isSlow = now - this.#givenAt > slowMillis;
    this.#atOnce = isSlow ? Math.max(atOnceMin, this.#atOnce / 4) : Math.min(atOnceMax, this.#atOnce * 1.25);
    if (now - this.#workedSince < stretchMillis) return;
    await setImmediate();
    this.#workedSince = performance.now();
    signal.throwIfAborted();
  }

  #pay(): void {
    const { budget } = this.#allowance;
    const cost = Math.max(this.#read, this.#computed);
    const due = cost - this.#paid;
    this.#paid = cost;
    if (!budget.spend(due)) throw this.#refusal(budget.pointsMax);
  }
}
