import type { Range } from '../store/read.ts';

/** More spans than this are taken for the one that holds them all. */
const spansMax = 64;

/** The same instants in spans that ascend and lie apart. */
export function joinSpans(spans: readonly Range[]): Range[] {
  const joined: Range[] = [];
  for (const span of spans.filter(({ from, to }) => from < to).sort((a, b) => a.from - b.from)) {
    const last = joined.at(-1);
    if (last && span.from <= last.to) joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else joined.push(span);
  }
  return joined.length > spansMax ? [hullOf(joined)] : joined;
}

/** From the start of the first span to the end of the last; of none, nothing anywhere. */
export function hullOf(spans: readonly Range[]): Range {
  return { from: spans.at(0)?.from ?? 0, to: spans.at(-1)?.to ?? 0 };
}
