interface Covered {
  from: number;
  to: number;
  generation: number;
}

/** Of one series so many spans are told apart, and of very many series together so many; with more, neighbours count as one. */
const spansMax = 32;
const spansOfAllMax = 131_072;

/**
 * Where an import has laid blocks down, and of which generation they are. It may cover more than the blocks do: that costs
 * a generation, and loses nothing.
 */
export class StagedCoverage {
  readonly #spans = new Map<number, Covered[]>();

  /** The generation of a block from one instant to another: 0, or one more than any that it overlaps. */
  generationOf(series: number, from: number, to: number): number {
    let generation = 0;
    for (const span of this.#spans.get(series) ?? []) {
      if (span.from <= to && span.to >= from && span.generation >= generation) generation = span.generation + 1;
    }
    return generation;
  }

  add(series: number, from: number, to: number, generation: number): void {
    const spans = this.#spans.get(series);
    if (!spans) {
      this.#spans.set(series, [{ from, to, generation }]);
      return;
    }
    const last = spans[spans.length - 1];
    // Blocks of a file that is in order follow one another.
    if (last.generation === generation && from > last.to && from - last.to <= to - from) {
      last.to = to;
      return;
    }
    spans.push({ from, to, generation });
    const max = Math.min(spansMax, Math.max(2, Math.floor(spansOfAllMax / this.#spans.size)));
    if (spans.length > max) this.#spans.set(series, fewer(spans, max));
  }
}

/** Half as many: those that lie closest together are one, of the later generation. */
function fewer(spans: readonly Covered[], max: number): Covered[] {
  const inTime = [...spans].sort((a, b) => a.from - b.from);
  const gaps = inTime.slice(1).map((span, i) => span.from - inTime[i].to);
  const widest = [...gaps].sort((a, b) => b - a)[Math.floor(max / 2) - 1];
  const joined: Covered[] = [];
  inTime.forEach((span, i) => {
    const last = joined.at(-1);
    if (!last || gaps[i - 1] >= Math.max(widest, 1)) joined.push({ ...span });
    else {
      last.to = Math.max(last.to, span.to);
      last.generation = Math.max(last.generation, span.generation);
    }
  });
  return joined;
}
