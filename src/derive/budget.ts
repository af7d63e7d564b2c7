import { setImmediate } from 'node:timers/promises';
import type { Fault } from '../engine/fault.ts';

/** What one operation may compute, all of its fields together. */
export class Budget {
  readonly pointsMax: number;
  #left: number;

  constructor(pointsMax: number) {
    this.pointsMax = pointsMax;
    this.#left = pointsMax;
  }

  /** Whether there was so much left. Once there was not, there is nothing for anybody. */
  spend(points: number): boolean {
    this.#left -= points;
    return this.#left >= 0;
  }
}

/** What a computation is given: the budget of its operation, for as long as somebody waits for the answer. */
export interface Allowance {
  readonly budget: Budget;
  readonly signal: AbortSignal;
}

/** One stretch of work between two looks at whether others wait. */
const stretchMillis = 8;

/** So much is computed at once, points times operators: less of what proves slow, then more again. */
const atOnceMax = 4_096;
const atOnceMin = 16;
const slowMillis = 4;

/**
 * What one computation costs: the points that are read for it or, when that is more, those that go through its
 * operators, by each of them. So one operator over n points costs n, and k operators cost k times as much.
 */
export class Effort {
  readonly #allowance: Allowance;
  readonly #refusal: (pointsMax: number) => Fault;
  #read = 0;
  #computed = 0;
  #paid = 0;
  #workedSince = performance.now();
  #givenAt = Number.POSITIVE_INFINITY;
  #atOnce = atOnceMax;

  /** `refusal` is what to tell who asked for too much. */
  constructor(allowance: Allowance, refusal: (pointsMax: number) => Fault) {
    this.#allowance = allowance;
    this.#refusal = refusal;
  }

  read(points: number): void {
    this.#read += points;
    this.#pay();
  }

  /** How many points may be given to so many operators at once. */
  pointsAtOnce(operators: number): number {
    return Math.max(1, Math.floor(this.#atOnce / operators));
  }

  /** So many points are given to so many operators now. */
  compute(points: number, operators: number): void {
    this.#computed += points * operators;
    this.#pay();
    this.#givenAt = performance.now();
  }

  /** Lets others work now and then; goes no further when nobody waits for the answer any more, or nothing is left. */
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
