import { batchesOf } from '../engine/batches.ts';
import type { Grid } from '../engine/bucket.ts';
import type { Range } from '../engine/ranges.ts';
import type { Points } from '../engine/versions.ts';
import type { VersionedSource } from '../query/diff.ts';
import type { SeriesRow } from '../store/catalogue.ts';
import type { ChangedSpan } from './join-spans.ts';

/** The series of a subscription, and the form in which a changed span of one is sent. A client replaces all of the span. */
export interface SpanFormat<Change> {
  readonly series: readonly SeriesRow[];
  /** Changes outside are not sent. */
  readonly range: Range;
  /** Spans are whole buckets of it, where the range does not cut them. */
  readonly grid: Grid | undefined;
  /** Spans within the range, of parts of buckets, in which the answer differs though no point does. */
  further?(older: VersionedSource, newer: VersionedSource): Promise<readonly Range[]>;
  /** The most points of a changed span that are kept for `known`. */
  readonly pointsMax: number;
  read(series: SeriesRow, source: VersionedSource, span: Range): Promise<Change>;
  /** The change of a span whose points are known already. */
  known(series: SeriesRow, source: VersionedSource, span: Range, points: Points): Change;
  /** The change of a span whose points are too many to send. */
  truncated(series: SeriesRow, source: VersionedSource, span: Range): Change;
  /** The number of points that a change sends. */
  sizeOf(change: Change): number;
}

/** A changed span of a series, to be read at a revision. */
export interface SpanRead {
  readonly series: SeriesRow;
  readonly source: VersionedSource;
  readonly span: ChangedSpan;
}

/** One event sends hardly more points than that. */
const eventPointsMax = 100_000;

/** The number of spans that are read at the same time. */
const readAtOnce = 32;

/** The changes of one event. When they hold as many points as an event may send, further spans are truncated. */
class EventChanges<Change> {
  readonly all: Change[] = [];
  readonly #format: SpanFormat<Change>;
  #points = 0;

  constructor(format: SpanFormat<Change>) {
    this.#format = format;
  }

  get isFull(): boolean {
    return this.#points >= eventPointsMax;
  }

  add({ series, source, span }: SpanRead, change: Change): void {
    const size = this.#format.sizeOf(change);
    this.#points += size;
    const isTooMuch = size > 0 && this.#points > eventPointsMax;
    this.all.push(isTooMuch ? this.#format.truncated(series, source, span) : change);
  }
}

/** The changes of spans: at once when the points of all are known. */
export function readChanges<Change>(
  format: SpanFormat<Change>,
  spans: readonly SpanRead[],
): Change[] | Promise<Change[]> {
  const changes = new EventChanges(format);
  for (const read of spans) {
    const { series, source, span } = read;
    if (!span.points) return readEach(format, spans);
    changes.add(read, format.known(series, source, span, span.points));
  }
  return changes.all;
}

async function readEach<Change>(format: SpanFormat<Change>, spans: readonly SpanRead[]): Promise<Change[]> {
  const changes = new EventChanges(format);
  for (const some of batchesOf(spans, { weightMax: readAtOnce })) {
    const found = some.map(({ series, source, span }) => {
      if (span.points) return format.known(series, source, span, span.points);
      return changes.isFull ? format.truncated(series, source, span) : format.read(series, source, span);
    });
    for (const [i, change] of (await Promise.all(found)).entries()) changes.add(some[i], change);
  }
  return changes.all;
}
