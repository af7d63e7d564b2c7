import { ask } from './client.ts';
import { until } from './program.ts';

/** Defines a series, and waits until that formula answers. */
export async function defineAt(url: string, key: string, formula: string): Promise<void> {
  await ask(url, 'mutation ($input: DefineSeriesInput!) { defineSeries(input: $input) { id } }', {
    input: { key, formula },
  });
  await until(async () => {
    const { series } = await ask<{ series: { status: string; formula: string } }>(
      url,
      'query ($key: String!) { series(key: $key) { ... on DerivedSeries { status formula } } }',
      { key },
    );
    return series.status === 'LIVE' && series.formula === formula;
  });
}
