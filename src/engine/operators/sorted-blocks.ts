/**
 * A sorted multiset of numbers, kept in blocks so that an insertion moves little. Its answers depend only on its
 * contents. It is fast when successive ranks are close to each other.
 */
export class SortedBlocks {
  readonly #blocks: Float64Array[] = [new Float64Array(blockSize)];
  readonly #sizes: number[] = [0];
  /** The least number of each block. */
  readonly #least: number[] = [0];
  #size = 0;
  /** The block of the last answer, and the count of numbers in the blocks before it. */
  #asked = 0;
  #before = 0;

  get size(): number {
    return this.#size;
  }

  insert(x: number): void {
    let at = this.#blockOf(x);
    if (this.#sizes[at] === blockSize) {
      this.#split(at);
      if (x >= this.#least[at + 1]) at++;
    }
    const block = this.#blocks[at];
    const size = this.#sizes[at];
    const place = countUpTo(block, size, x);
    for (let i = size; i > place; i--) block[i] = block[i - 1];
    block[place] = x;
    if (place === 0) this.#least[at] = x;
    this.#sizes[at] = size + 1;
    this.#size++;
    if (at < this.#asked) this.#before++;
  }

  /** Removes a number that it contains. */
  remove(x: number): void {
    const at = this.#blockOf(x);
    const block = this.#blocks[at];
    const size = this.#sizes[at] - 1;
    const place = countUpTo(block, size + 1, x) - 1;
    for (let i = place; i < size; i++) block[i] = block[i + 1];
    if (place === 0) this.#least[at] = block[0];
    this.#sizes[at] = size;
    this.#size--;
    if (at < this.#asked) this.#before--;
    if (size < blockSize / 4) this.#mergeSmall(at);
  }

  /** The number at a rank from 0 to below `size`. */
  at(rank: number): number {
    const sizes = this.#sizes;
    let asked = this.#asked;
    let before = this.#before;
    while (rank < before) before -= sizes[--asked];
    while (rank >= before + sizes[asked]) before += sizes[asked++];
    this.#asked = asked;
    this.#before = before;
    return this.#blocks[asked][rank - before];
  }

  bytes(): number {
    return 200 + this.#blocks.length * (blockSize * 8 + 120);
  }

  /** The last block that starts with x or less, or the first block. */
  #blockOf(x: number): number {
    return Math.max(0, countUpTo(this.#least, this.#least.length, x) - 1);
  }

  #split(at: number): void {
    const half = blockSize / 2;
    const upper = new Float64Array(blockSize);
    upper.set(this.#blocks[at].subarray(half));
    this.#sizes[at] = half;
    this.#blocks.splice(at + 1, 0, upper);
    this.#sizes.splice(at + 1, 0, half);
    this.#least.splice(at + 1, 0, upper[0]);
    if (at < this.#asked) this.#asked++;
  }

  /**
   * Merges a block with a neighbour if both are small. An empty block always merges, because it has no least number.
   */
  #mergeSmall(at: number): void {
    const size = this.#sizes[at];
    const most = size === 0 ? blockSize : blockSize / 2;
    if (at + 1 < this.#sizes.length && size + this.#sizes[at + 1] <= most) this.#mergeWithNext(at);
    else if (at > 0 && size + this.#sizes[at - 1] <= most) this.#mergeWithNext(at - 1);
  }

  #mergeWithNext(at: number): void {
    const size = this.#sizes[at];
    const next = this.#sizes[at + 1];
    this.#blocks[at].set(this.#blocks[at + 1].subarray(0, next), size);
    if (size === 0) this.#least[at] = this.#least[at + 1];
    this.#sizes[at] = size + next;
    this.#blocks.splice(at + 1, 1);
    this.#sizes.splice(at + 1, 1);
    this.#least.splice(at + 1, 1);
    if (this.#asked === at + 1) this.#before -= size;
    if (this.#asked > at) this.#asked--;
  }
}

const blockSize = 128;

/**
 * The count of values up to x among the first `size` ascending numbers. It avoids branches, which would be mispredicted
 * half of the time.
 */
function countUpTo(numbers: ArrayLike<number>, size: number, x: number): number {
  let low = 0;
  let left = size;
  while (left > 0) {
    const half = (left + 1) >> 1;
    low += half & -Number(numbers[low + half - 1] <= x);
    left -= half;
  }
  return low;
}
