/** Series on which our figures and those of PostgreSQL are compared: the same ones every time. */

export interface Tick {
  readonly t: number;
  readonly value: number;
  readonly size: number | undefined;
}

export interface Market {
  readonly name: string;
  readonly a: readonly Tick[];
  readonly b: readonly Tick[];
}

const length = 240;

function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Ticks at uneven instants, some of them at the same ones as those of another seed, before and behind 1970. */
function ticks(seed: number, next: (before: number, chance: () => number) => number): Tick[] {
  const chance = chances(seed);
  const made: Tick[] = [];
  let t = -120_000_000;
  let value = next(0, chance);
  for (let i = 0; i < length; i++) {
    made.push({ t, value, size: chance() < 0.75 ? Math.floor(chance() * 40) / 8 : undefined });
    t += chance() < 0.9 ? 500_000 * (1 + Math.floor(chance() * 5)) : 500_000 * 40;
    value = next(value, chance);
  }
  return made;
}

function market(name: string, next: (before: number, chance: () => number) => number): Market {
  return { name, a: ticks(7, next), b: ticks(11, next) };
}

const cents = (value: number) => Number(value.toFixed(2));

export const markets: readonly Market[] = [
  market('prices near 65,000', (before, chance) => cents((before || 65_000) + (chance() - 0.5) * 12)),
  market('small whole numbers, also negative, often the same', (_, chance) => Math.floor(chance() * 7) - 3),
  market('a billion and a little', (_, chance) => 1e9 + chance() * 1e-3),
  market('from tiny to large', (_, chance) => (chance() - 0.3) * 10 ** (chance() * 24 - 12)),
  market('flat for long', (before, chance) =>
    before === 0 || chance() < 0.1 ? 0.1 + Math.floor(chance() * 3) : before,
  ),
];
