// Keeps a copy of a series in step with the server, over any number of lost connections.
// node examples/follow.js BTC-USD [http://localhost:4000/graphql]
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

const [key, address = 'http://localhost:4000/graphql'] = process.argv.slice(2);
if (!key) {
  console.error('usage: node examples/follow.js KEY [URL]');
  process.exit(2);
}

const client = createClient({
  url: address.replace(/^http/, 'ws'),
  webSocketImpl: WebSocket,
  retryAttempts: Number.POSITIVE_INFINITY,
});
const query = `subscription ($key: String!, $after: Revision) {
  changes(series: [$key], after: $after) { kind cursor changes { span { from to } points { t value } truncated } }
}`;

const points = new Map();
let cursor;

/** Drop what a span held, then take what it holds now. */
function apply(event) {
  if (event.kind === 'SNAPSHOT') points.clear();
  for (const { span, points: now, truncated } of event.changes) {
    for (const t of points.keys())
      if ((span.from === null || t >= span.from) && (span.to === null || t < span.to)) points.delete(t);
    if (truncated) console.log('more than 10,000 points changed: fetch them with samples(asOf: cursor)');
    for (let i = 0; i < now.t.length; i++) points.set(now.t[i], now.value[i]);
  }
  cursor = event.cursor;
  const last = Math.max(...points.keys());
  console.log(
    `revision ${cursor}: ${event.kind.toLowerCase()}, ${points.size} points, last ${points.get(last)} at ${new Date(last).toISOString()}`,
  );
}

for (;;) {
  try {
    for await (const { data, errors } of client.iterate({ query, variables: { key, after: cursor } })) {
      if (errors) throw new Error(errors[0].message);
      apply(data.changes);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
