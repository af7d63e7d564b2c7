import type { Candle } from '../market/candles.ts';
import { builder } from './builder.ts';

export const CandleType = builder.objectRef<Candle>('Candle').implement({
  description: 'The summary of the ticks in one interval. An interval without ticks has no candle.',
  fields: (t) => ({
    t: t.expose('t', {
      type: 'Millis',
      description: 'The start of the interval. Days start at local midnight, weeks on Monday.',
    }),
    open: t.exposeFloat('open', { description: 'The first value.' }),
    high: t.exposeFloat('high', { description: 'The highest value.' }),
    low: t.exposeFloat('low', { description: 'The lowest value.' }),
    close: t.exposeFloat('close', { description: 'The last value.' }),
    volume: t.field({
      type: 'Float',
      nullable: true,
      description: 'The sum of the sizes; null when no tick has one.',
      resolve: ({ volume }) => volume ?? null,
    }),
    count: t.exposeInt('count', { description: 'The number of ticks.' }),
    final: t.exposeBoolean('final', {
      description: 'True when a tick at or after the end exists. Later only corrections change the candle.',
    }),
  }),
});
