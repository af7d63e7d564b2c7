import { expect } from 'vitest';
import { type CandleEvent, CandleFollower } from '../feed/candle-follower.ts';
import { type Event, Follower } from '../feed/follower.ts';
import type { Random } from '../recompute/seeded-random.ts';
import { ask } from '../support/client.ts';
import type { LineClient } from './line-client.ts';
import type { Subscriber } from './subscriber.ts';
import { derived } from './world.ts';

/** Of the cursors on the way, at so many it is asked what was to be held there. */
const comparedMax = 3;

/** The only reason to begin anew where nothing is forgotten. */
const tooSlow = /too slowly/;

function someOf(count: number, random: Random): ReadonlySet<number> {
  return new Set(Array.from({ length: comparedMax }, () => random(count)));
}

/** Everything that came, applied in order: what is held is what queries say, at the end and on the way. */
export async function verifySubscriber(url: string, { wanted, stays }: Subscriber, random: Random): Promise<void> {
  const follower = 'changes' in wanted ? new Follower(url, wanted.changes) : new CandleFollower(url, wanted.candles);
  const events = stays.flatMap((stay) => stay.events);
  const compared = someOf(events.length, random);
  try {
    expect(events[0]).toMatchObject({ kind: 'SNAPSHOT', reason: null });
    for (const [i, event] of events.entries()) {
      if (event.kind === 'SNAPSHOT' && i > 0) expect(event.reason).toMatch(tooSlow);
      if (follower instanceof Follower) follower.apply(event as Event);
      else follower.apply(event as CandleEvent);
      if (compared.has(i) || i === events.length - 1) await follower.compare();
    }
  } catch (cause) {
    const told = stays.map(({ after, events }) => `${after}: ${events.map(({ kind, cursor }) => `${kind} ${cursor}`)}`);
    throw new Error(`${JSON.stringify(wanted)}\n${told.join('\n')}`, { cause });
  }
}

export async function verifyLine(
  url: string,
  { wanted, recorded, snapshots }: LineClient,
  random: Random,
): Promise<void> {
  const compared = someOf(recorded.updates.length, random);
  try {
    expect(snapshots.slice(1).filter((text) => !tooSlow.test(text))).toEqual([]);
    await recorded.compare(url, (update) => compared.has(update));
  } catch (cause) {
    throw new Error(`${JSON.stringify(wanted)}: ${recorded.updates.map(({ cursor }) => cursor)}`, { cause });
  }
}

interface Samples {
  readonly t: number[];
  readonly value: number[];
}

/** Every derived series is what its formula says of those that it reads. */
export async function verifyDerived(url: string): Promise<void> {
  const { settledRevision: asOf } = await ask<{ settledRevision: number }>(url, '{ settledRevision }');
  const query = `query ($key: String!, $formula: String!, $asOf: Revision!) {
    series(key: $key) { samples(maxPoints: null, asOf: $asOf) { t value } }
    evaluate(formula: $formula, maxPoints: null, asOf: $asOf) { t value }
  }`;
  for (const key of derived) {
    const { series: defined } = await ask<{ series: { formula: string } }>(
      url,
      'query ($key: String!) { series(key: $key) { ... on DerivedSeries { formula } } }',
      { key },
    );
    const variables = { key, formula: defined.formula, asOf };
    const { series, evaluate } = await ask<{ series: { samples: Samples }; evaluate: Samples }>(url, query, variables);
    expect(series.samples, `${key} = ${defined.formula} at ${asOf}`).toEqual(evaluate);
  }
}
