import type { Stoppable } from '../bell/bell.ts';
import type { Ingest } from '../ingest/ingest.ts';
import { log } from './log.ts';

const tickMillis = 1_000;

const kinds = ['USD', 'EUR', 'BTC', 'ETH'];

function keyOf(i: number): string {
  return `SIM${String(Math.floor(i / kinds.length) + 1).padStart(2, '0')}-${kinds[i % kinds.length]}`;
}

/** One step of a random walk that stays positive. */
function walk(price: number): number {
  const step = (Math.random() + Math.random() + Math.random() - 1.5) * 0.002;
  return Math.max(0.01, Math.round(price * (1 + step) * 100) / 100);
}

/** Simulated instruments that tick once a second, until stopped. */
export function startDemo(ingest: Ingest, instruments: number): Stoppable {
  const prices = Array.from({ length: instruments }, () => Math.round(10 ** (1 + Math.random() * 3) * 100) / 100);
  let busy = false;
  const tick = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const now = Math.floor(Date.now() / tickMillis) * tickMillis * 1000;
    try {
      await ingest.ingest({
        columns: prices.map((price, i) => {
          prices[i] = walk(price);
          const column = {
            t: Float64Array.of(now),
            value: Float64Array.of(prices[i]),
            size: Float64Array.of(Math.ceil(Math.random() * 100) / 10),
          };
          return { series: keyOf(i), column, index: () => i, bad: new Map() };
        }),
        createMissing: true,
        partial: false,
        note: null,
        idempotencyKey: null,
      });
    } catch (error) {
      log(`demo: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      busy = false;
    }
  };
  const timer = setInterval(() => void tick(), tickMillis);
  void tick();
  return {
    stop: async () => {
      clearInterval(timer);
    },
  };
}
