import { ProductBins, SumBins } from './bins.ts';
import { crossed, splitter, tiny } from './combine.ts';
import { flatFrame, frameOf, rowsLog2For } from './frame.ts';
import { slowCost } from './moments.ts';
import { toUnits, unitExponent } from './units.ts';
import { type Wide, wideOf } from './wide.ts';

/** The exact sums of two columns of a window, of their products and, on request, of their squares. */
export class PairMoments {
  readonly #squaresOfX: boolean;
  readonly #squaresOfY: boolean;
  readonly #x = new SumBins();
  readonly #y = new SumBins();
  readonly #xx = new ProductBins();
  readonly #yy = new ProductBins();
  readonly #xy = new ProductBins();
  #frameX = flatFrame(0);
  #frameY = flatFrame(0);
  #rowsMax = 0;
  #slow = 0;

  constructor(squares: { readonly x: boolean; readonly y: boolean }) {
    this.#squaresOfX = squares.x;
    this.#squaresOfY = squares.y;
  }

  /** Like the one of Moments. */
  prepare(x: Float64Array, y: Float64Array, from: number, to: number, end: number): void {
    if (end - from <= this.#rowsMax && !this.tired(to - from)) return;
    const rowsLog2 = rowsLog2For(end - from);
    const near = Math.max(from, to - 1);
    this.#frameX = frameOf(x, from, end, near);
    this.#frameY = frameOf(y, from, end, near);
    this.#rowsMax = 2 ** rowsLog2;
    this.#slow = 0;
    const ex = this.#frameX.exponent;
    const ey = this.#frameY.exponent;
    this.#x.aim(ex, rowsLog2);
    this.#y.aim(ey, rowsLog2);
    this.#xx.aim(ex * 2, rowsLog2);
    this.#yy.aim(ey * 2, rowsLog2);
    this.#xy.aim(ex + ey, rowsLog2);
    for (let i = from; i < to; i++) this.add(x[i], y[i], 1);
  }

  tired(n: number): boolean {
    return this.#slow * slowCost > n;
  }

  /** A sign of -1 removes the row. */
  add(x: number, y: number, sign: 1 | -1): void {
    const fx = this.#frameX;
    const fy = this.#frameY;
    const a = x - fx.anchor;
    const b = y - fy.anchor;
    if (!(x >= fx.low && x <= fx.high && y >= fy.low && y <= fy.high) || tiny(a) || tiny(b)) {
      this.#addStray(x, y, sign);
      return;
    }
    const ca = a * splitter;
    const aHead = ca - (ca - a);
    const aTail = a - aHead;
    const cb = b * splitter;
    const bHead = cb - (cb - b);
    const bTail = b - bHead;
    this.#x.add(sign * a);
    this.#y.add(sign * b);
    const ab = a * b;
    this.#xy.add(sign * ab, sign * (aHead * bHead - ab + aHead * bTail + aTail * bHead + aTail * bTail));
    if (this.#squaresOfX) {
      const aa = a * a;
      this.#xx.add(sign * aa, sign * (aHead * aHead - aa + 2 * aHead * aTail + aTail * aTail));
    }
    if (this.#squaresOfY) {
      const bb = b * b;
      this.#yy.add(sign * bb, sign * (bHead * bHead - bb + 2 * bHead * bTail + bTail * bTail));
    }
  }

  /** Call before the spreads below: false means that only the exact ones can answer. */
  condense(): boolean {
    return this.#x.condense() && this.#y.condense();
  }

  /**
   * n * (sum of x y) - (sum of x) (sum of y) of the n rows, rounded once. NaN means that only exact arithmetic can
   * decide.
   */
  spreadXY(n: number): number {
    return this.#xy.condense() ? crossed(n, this.#xy, this.#x, this.#y) : Number.NaN;
  }

  spreadXX(n: number): number {
    return this.#xx.condense() ? crossed(n, this.#xx, this.#x, this.#x) : Number.NaN;
  }

  spreadYY(n: number): number {
    return this.#yy.condense() ? crossed(n, this.#yy, this.#y, this.#y) : Number.NaN;
  }

  /** The same three in exact arithmetic. A spread whose squares were not requested is meaningless. */
  exactSpreads(n: number): { readonly xy: Wide; readonly xx: Wide; readonly yy: Wide } {
    this.#slow++;
    const count = BigInt(n);
    const x = this.#x.units();
    const y = this.#y.units();
    return {
      xy: wideOf(count * this.#xy.units() - x * y, unitExponent * 2),
      xx: wideOf(count * this.#xx.units() - x * x, unitExponent * 2),
      yy: wideOf(count * this.#yy.units() - y * y, unitExponent * 2),
    };
  }

  bytes(): number {
    return 2000;
  }

  #addStray(x: number, y: number, sign: 1 | -1): void {
    const a = toUnits(x) - toUnits(this.#frameX.anchor);
    const b = toUnits(y) - toUnits(this.#frameY.anchor);
    const signed = BigInt(sign);
    this.#x.addRest(signed * a);
    this.#y.addRest(signed * b);
    this.#xy.addRest(signed * a * b);
    this.#xx.addRest(signed * a * a);
    this.#yy.addRest(signed * b * b);
  }
}
