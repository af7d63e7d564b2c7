interface Covered {
  from: number;
  to: number;
  generation: number;
}

/** The limits of distinct spans per series and in total. Above them, neighbouring spans are merged. */
const spansMax = 32;
const spansOfAllMax = 131_072;

/**
 * The spans of an import's staged blocks and their generations. A merged span may cover more than its blocks: that can
 * cost a generation, but loses nothing.
 */
export class StagedCoverage {
  readonly #spans = new Map<number, Covered[]>();

  /** The generation of a block: 0, or one more than the highest generation that it overlaps. */
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
    // The blocks of a sorted file follow one another.
    if (last.generation === generation && from > last.to && from - last.to <= to - from) {
      last.to = to;
      return;
    }
    spans.push({ from, to, generation });
    const max = Math.min(spansMax, Math.max(2, Math.floor(spansOfAllMax / this.#spans.size)));
    if (spans.length > max) this.#spans.set(series, fewer(spans, max));
  }
}

/** Halves the number of spans by merging the closest neighbours. A merged span has the higher generation. */
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
