import type { Candle } from '../market/candles.ts';
import { builder } from './builder.ts';

export const CandleType = builder.objectRef<Candle>('Candle').implement({
  description: 'What the ticks of an interval come to. Intervals without ticks have none.',
  fields: (t) => ({
    t: t.expose('t', { type: 'Millis', description: 'Its start. Days start at local midnight, weeks on Monday.' }),
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
    count: t.exposeInt('count', { description: 'How many ticks.' }),
    final: t.exposeBoolean('final', {
      description: 'Whether a tick at or after its end exists: only corrections change it any more.',
    }),
  }),
});
