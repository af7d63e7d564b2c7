import { mergeRanges } from '../../engine/ranges.ts';

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

  /** The generation of a block, given its first and last instant: 0, or one more than the highest generation that it overlaps. */
  generationOf(series: number, first: number, last: number): number {
    let generation = 0;
    for (const span of this.#spans.get(series) ?? []) {
      if (span.from <= last && span.to > first && span.generation >= generation) generation = span.generation + 1;
    }
    return generation;
  }

  add(series: number, first: number, last: number, generation: number): void {
    const added = { from: first, to: last + 1, generation };
    const spans = this.#spans.get(series);
    if (!spans) {
      this.#spans.set(series, [added]);
      return;
    }
    const before = spans[spans.length - 1];
    // The blocks of a sorted file follow one another.
    if (before.generation === generation && first >= before.to && first - before.to < last - first) {
      before.to = added.to;
      return;
    }
    spans.push(added);
    const max = Math.min(spansMax, Math.max(2, Math.floor(spansOfAllMax / this.#spans.size)));
    if (spans.length > max) this.#spans.set(series, fewer(spans, max));
  }
}

/** Halves the number of spans by merging the closest neighbours. A merged span has the higher generation. */
function fewer(spans: readonly Covered[], max: number): Covered[] {
  const ascending = [...spans].sort((a, b) => a.from - b.from);
  const gaps = ascending.slice(1).map((span, i) => span.from - ascending[i].to);
  const widest = [...gaps].sort((a, b) => b - a)[Math.floor(max / 2) - 1];
  return mergeRanges(ascending, {
    gapMicros: Math.max(widest, 0) - 1,
    combine: (left, right) => ({
      from: left.from,
      to: Math.max(left.to, right.to),
      generation: Math.max(left.generation, right.generation),
    }),
  });
}
