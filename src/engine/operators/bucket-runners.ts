import { ExactSum } from '../exact-sum.ts';
import type { BucketRunner } from '../operator.ts';
import { finite } from './pointwise.ts';

class First implements BucketRunner {
  #value = Number.NaN;

  clear(): void {
    this.#value = Number.NaN;
  }

  add(column: Float64Array, from: number, to: number): void {
    if (from < to && Number.isNaN(this.#value)) this.#value = column[from];
  }

  value(): number {
    return this.#value;
  }
}

class Last implements BucketRunner {
  #value = Number.NaN;

  clear(): void {
    this.#value = Number.NaN;
  }

  add(column: Float64Array, from: number, to: number): void {
    if (from < to) this.#value = column[to - 1];
  }

  value(): number {
    return this.#value;
  }
}

class Min implements BucketRunner {
  #value = Number.POSITIVE_INFINITY;

  clear(): void {
    this.#value = Number.POSITIVE_INFINITY;
  }

  add(column: Float64Array, from: number, to: number): void {
    let least = this.#value;
    for (let i = from; i < to; i++) if (column[i] < least) least = column[i];
    this.#value = least;
  }

  value(): number {
    return finite(this.#value);
  }
}

class Max implements BucketRunner {
  #value = Number.NEGATIVE_INFINITY;

  clear(): void {
    this.#value = Number.NEGATIVE_INFINITY;
  }

  add(column: Float64Array, from: number, to: number): void {
    let greatest = this.#value;
    for (let i = from; i < to; i++) if (column[i] > greatest) greatest = column[i];
    this.#value = greatest;
  }

  value(): number {
    return finite(this.#value);
  }
}

class Count implements BucketRunner {
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(_column: Float64Array, from: number, to: number): void {
    this.#count += to - from;
  }

  value(): number {
    return this.#count;
  }
}

class Sum implements BucketRunner {
  readonly #sum = new ExactSum();
  #count = 0;

  clear(): void {
    this.#sum.clear();
    this.#count = 0;
  }

  add(column: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#sum.add(column[i]);
    this.#count += to - from;
  }

  value(): number {
    return this.#count === 0 ? Number.NaN : finite(this.#sum.value());
  }
}

class Mean implements BucketRunner {
  readonly #sum = new ExactSum();
  #count = 0;

  clear(): void {
    this.#sum.clear();
    this.#count = 0;
  }

  add(column: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) this.#sum.add(column[i]);
    this.#count += to - from;
  }

  value(): number {
    return this.#count === 0 ? Number.NaN : this.#sum.mean(this.#count);
  }
}

/** The aggregates of a bucket, by their name in a formula. */
export const bucketMethods = {
  last: () => new Last(),
  first: () => new First(),
  mean: () => new Mean(),
  sum: () => new Sum(),
  min: () => new Min(),
  max: () => new Max(),
  count: () => new Count(),
} satisfies Record<string, () => BucketRunner>;

export type BucketMethod = keyof typeof bucketMethods;
