import type { Memory, Parameter, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Trail } from './trail.ts';

/** Gives the value of the first column a number of rows, or a duration, earlier; NaN when there was none. */
export interface Lagged {
  run(rows: Rows, out: Float64Array): void;
  bytes(): number;
}

export function openLagged(by: Window): Lagged {
  return 'micros' in by ? new LaggedByTime(by.micros) : new LaggedByPoints(by.points);
}

/** A row that far back is needed one row longer than a window of that many rows keeps it. */
export function lagMemory(by: Window): Memory {
  return 'micros' in by ? { kind: 'asOf', micros: by.micros } : { kind: 'rows', rows: by.points + 1 };
}

export const byParameter: Parameter = {
  name: 'by',
  type: 'window',
  optional: true,
  fallback: { points: 1 },
  min: 1,
  meaning:
    'The distance: a number of points, as 20p, or a duration, as 90s, for x as known at t - by. The default is 1p.',
};

class LaggedByPoints implements Lagged {
  readonly #points: number;
  /** A ring of the last values. Each is replaced one lap later; NaN where there was none. */
  #ring: Float64Array;
  #at = 0;

  constructor(points: number) {
    this.#points = points;
    this.#ring = new Float64Array(Math.min(points, roomMin)).fill(Number.NaN);
  }

  run({ length, columns: [x] }: Rows, out: Float64Array): void {
    let ring = this.#ring;
    let at = this.#at;
    for (let i = 0; i < length; i++) {
      out[i] = ring[at];
      ring[at] = x[i];
      if (++at < ring.length) continue;
      if (ring.length === this.#points) at = 0;
      else ring = this.#grow();
    }
    this.#at = at;
  }

  bytes(): number {
    return 100 + this.#ring.byteLength;
  }

  /** The ring has not been filled once yet. */
  #grow(): Float64Array {
    const larger = new Float64Array(Math.min(this.#points, this.#ring.length * 2)).fill(Number.NaN);
    larger.set(this.#ring);
    this.#ring = larger;
    return larger;
  }
}

const roomMin = 64;

class LaggedByTime implements Lagged {
  readonly #micros: number;
  /** Starts with the row that was known at that time, or with the first row. */
  readonly #held = new Trail();

  constructor(micros: number) {
    this.#micros = micros;
  }

  run({ length, t, columns: [x] }: Rows, out: Float64Array): void {
    const held = this.#held;
    const micros = this.#micros;
    let { position, value, head, tail } = held;
    for (let i = 0; i < length; i++) {
      if (tail === position.length) {
        held.head = head;
        held.tail = tail;
        held.makeRoom();
        ({ position, value, head, tail } = held);
      }
      const now = t[i];
      position[tail] = now;
      value[tail++] = x[i];
      while (head + 1 < tail && now - position[head + 1] >= micros) head++;
      out[i] = now - position[head] >= micros ? value[head] : Number.NaN;
    }
    held.head = head;
    held.tail = tail;
  }

  bytes(): number {
    return 50 + this.#held.bytes();
  }
}
