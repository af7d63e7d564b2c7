interface BatchLimits<T> {
  /** A batch weighs at most this, unless its only item weighs more. */
  readonly weightMax: number;
  /** Every item weighs 1 if left out. */
  readonly weightOf?: (item: T) => number;
}

/** Cuts a list into batches, in order. */
export function* batchesOf<T>(items: Iterable<T>, { weightMax, weightOf = () => 1 }: BatchLimits<T>): Generator<T[]> {
  let batch: T[] = [];
  let sum = 0;
  for (const item of items) {
    const weight = weightOf(item);
    if (batch.length > 0 && sum + weight > weightMax) {
      yield batch;
      batch = [];
      sum = 0;
    }
    batch.push(item);
    sum += weight;
  }
  if (batch.length > 0) yield batch;
}
