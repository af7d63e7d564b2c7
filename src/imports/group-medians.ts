import { Fault } from '../engine/fault.ts';

/** The limit of buffered numbers. They take 24 MB, and 16 MB more while they are sorted. */
const numbersMax = 2_000_000;
const chunkLength = 65_536;

/**
 * Collects numbers by group and gives the median of each. The median of an even count is the mean of the middle two.
 */
export class GroupMedians {
  readonly #groups: Int32Array[] = [];
  readonly #numbers: Float64Array[] = [];
  #count = 0;
  #sorted: { readonly starts: Int32Array; readonly numbers: Float64Array } | undefined;

  add(group: number, number: number): void {
    if (this.#count >= numbersMax) {
      const message = `MEDIAN takes at most ${numbersMax.toLocaleString('en')} numbers, and this file holds more: MEAN takes any number of them.`;
      throw new Fault('TOO_EXPENSIVE', message, ['fn']);
    }
    const at = this.#count % chunkLength;
    if (at === 0) {
      this.#groups.push(new Int32Array(chunkLength));
      this.#numbers.push(new Float64Array(chunkLength));
    }
    this.#groups[this.#groups.length - 1][at] = group;
    this.#numbers[this.#numbers.length - 1][at] = number;
    this.#count++;
  }

  /** The group must hold at least one number. After the first call, `add` must not be called again. */
  of(group: number): number {
    this.#sorted ??= this.#sort();
    const { starts, numbers } = this.#sorted;
    const [start, end] = [starts[group], starts[group + 1]];
    const middle = start + ((end - start) >> 1);
    if ((end - start) % 2 === 1) return numbers[middle];
    const [low, high] = [numbers[middle - 1], numbers[middle]];
    // When their sum overflows, each half is still exact.
    return Number.isFinite(low + high) ? (low + high) / 2 : low / 2 + high / 2;
  }

  #sort() {
    let groups = 0;
    this.#each((group) => {
      groups = Math.max(groups, group + 1);
    });
    const starts = new Int32Array(groups + 1);
    this.#each((group) => {
      starts[group + 1]++;
    });
    for (let i = 0; i < groups; i++) starts[i + 1] += starts[i];
    const next = starts.slice();
    const numbers = new Float64Array(this.#count);
    this.#each((group, number) => {
      numbers[next[group]++] = number;
    });
    for (let i = 0; i < groups; i++) numbers.subarray(starts[i], starts[i + 1]).sort();
    return { starts, numbers };
  }

  #each(visit: (group: number, number: number) => void): void {
    for (let i = 0; i < this.#count; i++) {
      const chunk = Math.floor(i / chunkLength);
      visit(this.#groups[chunk][i % chunkLength], this.#numbers[chunk][i % chunkLength]);
    }
  }
}
