import { everything } from '../../src/engine/ranges.ts';
import { readSamples } from '../../src/query/samples.ts';
import { sealWhole } from '../../src/upkeep/upkeep.ts';
import { alternate, costFigure, type Figure } from '../figure.ts';
import { loadSeries } from '../series.ts';
import { once, openStore, type World } from '../world.ts';

const pixels = 1_000;

/** A chart over many points against the same chart over few: its cost should follow the pixels. */
export async function chart(world: World): Promise<Figure[]> {
  const few = 300_000;
  const many = world.quick ? 3_000_000 : 30_000_000;
  const url = await world.database();
  const store = openStore(url);
  const small = await loadSeries(store, 'FEW', few, 1);
  const large = await loadSeries(store, 'MANY', many, 2);
  await Promise.all([small, large].map((series) => sealWhole(store.database, series)));
  await once(url, 'VACUUM (ANALYZE) sealed_blocks, fresh_blocks');
  const asOf = await store.catalogue.newestRevision();
  const draw = (series: number, maxPoints: number, method: 'MINMAX' | 'MEAN') => async () => {
    const started = performance.now();
    const { t } = await readSamples(
      store.database,
      { series, range: everything, asOf, maxPoints, bucketMicros: undefined, method },
      { samplesMax: 250_000 },
    );
    const millis = performance.now() - started;
    if (t.length < maxPoints / 3) throw new Error(`a chart of only ${t.length} points`);
    return millis;
  };
  const rounds = world.quick ? 5 : 11;
  const figures: Figure[] = [];
  const names = `${many / 1e6} M points / over 0.3 M`;
  const kinds = [
    { name: `chart of 1,000 pixels (lowest and highest of each) over ${names}`, points: 2 * pixels, method: 'MINMAX' },
    { name: `chart of 1,000 points over ${names}`, points: pixels, method: 'MINMAX' },
    { name: `means of 1,000 pixels over ${names}`, points: pixels, method: 'MEAN' },
  ] as const;
  for (const { name, points, method } of kinds) {
    const pairs = await alternate(rounds, draw(small, points, method), draw(large, points, method));
    figures.push(costFigure(name, 'ms', pairs, method === 'MINMAX' ? 3 : undefined));
  }
  await store.close();
  return figures;
}
