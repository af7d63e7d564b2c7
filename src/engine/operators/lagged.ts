import type { Memory, Parameter, Window } from '../operator.ts';
import type { Rows } from '../rows.ts';
import { Trail } from './trail.ts';

/** Gives at each row what the first column was so many rows, or so long, before; NaN where it was nothing yet. */
export interface Lagged {
  run(rows: Rows, out: Float64Array): void;
  bytes(): number;
}

export function openLagged(by: Window): Lagged {
  return 'micros' in by ? new LaggedByTime(by.micros) : new LaggedByPoints(by.points);
}

/** A row so many points back is forgotten one row later than a window of so many. */
export function lagMemory(by: Window): Memory {
  return 'micros' in by ? { kind: 'asOf', micros: by.micros } : { kind: 'rows', rows: by.points + 1 };
}

export const byParameter: Parameter = {
  name: 'by',
  type: 'window',
  optional: true,
  fallback: { points: 1 },
  min: 1,
  meaning: 'How far back: so many points, as 20p, or so long, as 90s: then x as known at t - by. 1p when left out.',
};

class LaggedByPoints implements Lagged {
  readonly #points: number;
  /** The last values in a ring, each to be replaced by the one so many points later; NaN where there was none. */
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

  /** Before the ring has its length it was never gone round. */
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
  /** Begins with the row that is known so long ago, or with the first. */
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
