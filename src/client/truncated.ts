import type { JsonPoints } from './columns.ts';
import type { Connection } from './connection.ts';
import { TidemarkError } from './error.ts';
import { bucketStartsDocument, outlineDocument, wholeDocument } from './operations.ts';
import type { ReceivedEvent } from './series-copy.ts';

/** A part of a series at a revision. */
interface Part {
  readonly series: string;
  readonly range: { readonly from?: number | null | undefined; readonly to?: number | null | undefined };
  readonly bucket?: string | undefined;
  readonly asOf: number;
}

/** Completes an event with the points that the server left out. */
export async function completeEvent(
  link: Connection,
  { bucket }: { readonly bucket?: string | undefined },
  event: ReceivedEvent,
): Promise<ReceivedEvent> {
  const changes: ReceivedEvent['changes'][number][] = [];
  // Fetches one after the other: there can be a thousand of any length.
  for (const change of event.changes) {
    const { series, span, truncated } = change;
    const points = truncated
      ? await pointsOf(link, { series, range: span, bucket, asOf: event.cursor })
      : change.points;
    changes.push({ ...change, points, truncated: false });
  }
  return { ...event, changes };
}

async function pointsOf(link: Connection, part: Part): Promise<JsonPoints> {
  try {
    const { series } = await link.ask(wholeDocument, part);
    return series?.samples ?? gone(part);
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== 'TOO_EXPENSIVE') throw error;
    const cut = await cutOf(link, part);
    if (cut === undefined) throw error;
    const before = await pointsOf(link, { ...part, range: { from: part.range.from, to: cut } });
    const behind = await pointsOf(link, { ...part, range: { from: cut, to: part.range.to } });
    return joined(before, behind);
  }
}

/** The instant at which to halve a part: it has points on both sides and, with buckets, starts a bucket. */
async function cutOf(link: Connection, part: Part): Promise<number | undefined> {
  const { series } = await link.ask(outlineDocument, part);
  const t = series?.samples.t ?? gone(part);
  for (let i = t.length >> 1; i > 0 && i < t.length; i++) {
    const cut = part.bucket === undefined ? t[i] : await bucketStart(link, part, t[i]);
    if (cut > t[0]) return cut;
  }
  return undefined;
}

/** The start of the bucket that contains a point, since a bucket's mean stands at its start. */
async function bucketStart(link: Connection, part: Part, t: number): Promise<number> {
  const { series } = await link.ask(bucketStartsDocument, { ...part, range: { from: t, to: t + 1 } });
  return series?.samples.t[0] ?? gone(part);
}

function joined(a: JsonPoints, b: JsonPoints): JsonPoints {
  const sizes = ({ size, t }: JsonPoints) => size ?? t.map(() => null);
  return {
    t: a.t.concat(b.t),
    value: a.value.concat(b.value),
    size: a.size || b.size ? sizes(a).concat(sizes(b)) : null,
  };
}

function gone({ series }: Part): never {
  throw new TidemarkError('GONE', `The series '${series}' was deleted.`);
}
