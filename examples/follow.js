// Keeps a copy of series in step with the server, over any number of lost connections.
// node examples/follow.js BTC-USD,ETH-USD [http://localhost:4000/graphql]
import { connect } from 'tidemark/client';

const [keys, url = 'http://localhost:4000/graphql'] = process.argv.slice(2);
if (!keys) {
  console.error('usage: node examples/follow.js KEY[,KEY...] [URL]');
  process.exit(2);
}

const tidemark = connect({
  url,
  onState: (state, error) => console.error(error ? `${state}: ${error.message}` : state),
});
process.once('SIGINT', () => tidemark.close());

try {
  for await (const { cursor, series } of tidemark.follow(keys.split(','))) {
    for (const [key, { t, value, changedFrom }] of series) {
      const last = t.length > 0 ? `last ${value.at(-1)} at ${new Date(t.at(-1)).toISOString()}` : 'none';
      console.log(`revision ${cursor}: ${key} has ${t.length} points, new from ${changedFrom} on; ${last}`);
    }
  }
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
tidemark.close();
