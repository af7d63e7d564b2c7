/** Rows that are still needed, oldest first: for each a value and its position, an instant or a count. */
export class Trail {
  position: Float64Array = new Float64Array(roomMin);
  value: Float64Array = new Float64Array(roomMin);
  /** The rows lie in [head, tail). Before a push at `tail`, the caller must make room when the arrays are full. */
  head = 0;
  tail = 0;

  /** Moves the rows to the start, into new arrays if the present ones are too small or far too large. */
  makeRoom(): void {
    const { head, tail } = this;
    const held = tail - head;
    const capacity = this.position.length;
    const fits = held <= capacity * 0.5 && held >= capacity * 0.125;
    const size = fits ? capacity : Math.max(roomMin, held * 3);
    this.position = moved(this.position, head, tail, size);
    this.value = moved(this.value, head, tail, size);
    this.head = 0;
    this.tail = held;
  }

  bytes(): number {
    return 100 + this.position.byteLength + this.value.byteLength;
  }
}

const roomMin = 16;

function moved(column: Float64Array, head: number, tail: number, size: number): Float64Array {
  if (size === column.length) return column.copyWithin(0, head, tail);
  const other = new Float64Array(size);
  other.set(column.subarray(head, tail));
  return other;
}
