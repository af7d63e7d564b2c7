/** A whole number from 0 on, below what it is given. */
export type Random = (below: number) => number;

/** Numbers that look random and are the same for the same seed. */
export function seededRandom(seed: number): Random {
  let state = (seed % 2_147_483_646) + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
