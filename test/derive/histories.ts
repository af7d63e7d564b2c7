import fc from 'fast-check';
import type { Range } from '../../src/engine/ranges.ts';
import type { Held } from './memory.ts';

/** What the series of the tables go through. */

export const everything: Range = { from: -Number.MAX_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER + 1 };

export const keys = ['A', 'B', 'C'] as const;
export type Key = (typeof keys)[number];

type Act =
  /** A tick somewhere: a new one, a late one, or in place of what is there. */
  | { readonly kind: 'put'; readonly t: number; readonly value: number; readonly size: number | undefined }
  /** Behind the last tick of all. */
  | { readonly kind: 'append'; readonly gap: number; readonly value: number; readonly size: number | undefined }
  /** Another value for a tick that is there, or the same again, or none. */
  | { readonly kind: 'correct'; readonly at: number; readonly value: number; readonly size: number | undefined }
  | { readonly kind: 'repeat'; readonly at: number }
  | { readonly kind: 'delete'; readonly at: number };

export interface Edit {
  readonly acts: readonly { readonly key: Key; readonly act: Act }[];
  /** Changes so near to each other are told as one. */
  readonly together: number;
}

export interface History {
  readonly edits: readonly Edit[];
  /** How many points are read at once. */
  readonly chunk: number;
}

const prices = fc.integer({ min: -300, max: 300 }).map((cents) => Number((65_000 + cents / 100).toFixed(2)));
const small = fc.integer({ min: -3, max: 5 });
const odd = fc.constantFrom(
  1e300,
  -1e300,
  5e-324,
  -1e-310,
  1e-170,
  1e160,
  -1e153,
  Number.MAX_VALUE,
  2 ** -480,
  2 ** 480,
);
const any = fc.double({ noNaN: true, noDefaultInfinity: true });
const tame = fc.oneof(
  { arbitrary: small, weight: 5 },
  { arbitrary: prices, weight: 4 },
  { arbitrary: fc.double({ min: -10, max: 10, noNaN: true }), weight: 2 },
);
/** No -0: the store has none. */
const wild = fc
  .oneof({ arbitrary: tame, weight: 24 }, { arbitrary: odd, weight: 1 }, { arbitrary: any, weight: 1 })
  .map((value) => value + 0);
const size = fc.oneof(
  { arbitrary: fc.constantFrom(undefined, 0, 1, 2, 0.5), weight: 8 },
  { arbitrary: fc.double({ min: 0, max: 1e6, noNaN: true }), weight: 2 },
  { arbitrary: fc.constantFrom(1e300, 5e-324), weight: 1 },
);
/** Mostly on a grid, so that series meet and windows end on a tick; also before 1970. */
const grid = fc.integer({ min: -40, max: 60 }).map((halves) => halves * 500_000);
const instant = fc.oneof(
  { arbitrary: grid, weight: 12 },
  { arbitrary: fc.integer({ min: -20_000_000, max: 30_000_000 }), weight: 1 },
  { arbitrary: grid.map((t) => t + 1), weight: 1 },
);
const gap = fc.constantFrom(1, 500_000, 500_000, 1_000_000, 1_000_000, 2_000_000, 7_000_000);

const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('put' as const), t: instant, value: wild, size }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('append' as const), gap, value: wild, size }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('correct' as const), at: fc.nat(200), value: wild, size }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(200) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat(200) }), weight: 3 },
);
const keyed = fc.record({ key: fc.constantFrom<Key>('A', 'A', 'A', 'B', 'B', 'C'), act });
const together = fc.constantFrom(0, 0, 500_000, 5_000_000);
const many = fc.record({ acts: fc.array(keyed, { minLength: 20, maxLength: 60 }), together });
const few = fc.record({ acts: fc.array(keyed, { minLength: 1, maxLength: 4 }), together });
/** A stream that goes on, as of a live series. */
const live = fc.record({
  acts: fc.array(
    fc.record({
      key: fc.constantFrom<Key>('A', 'A', 'B', 'C'),
      act: fc.record({ kind: fc.constant('append' as const), gap, value: wild, size }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  together,
});

export const history: fc.Arbitrary<History> = fc.record({
  edits: fc
    .tuple(
      fc.oneof(many, few),
      fc.array(
        fc.oneof({ arbitrary: few, weight: 3 }, { arbitrary: live, weight: 3 }, { arbitrary: many, weight: 1 }),
        {
          minLength: 2,
          maxLength: 7,
        },
      ),
    )
    .map(([first, rest]) => [first, ...rest]),
  chunk: fc.constantFrom(1, 2, 3, 5, 9, 40, 1_000),
});

export type Series = ReadonlyMap<Key, Held>;

export function noSeries(): Series {
  return new Map(keys.map((key) => [key, new Map() as Held]));
}

/** Does what an edit says and tells where it changed something, or said again what was there. */
export function apply(series: Series, { acts, together: near }: Edit): Map<Key, Range[]> {
  const touched = new Map<Key, Set<number>>(keys.map((key) => [key, new Set()]));
  for (const { key, act } of acts) {
    const held = series.get(key) as Held;
    const t = instantOf(series, held, act);
    if (t === undefined) continue;
    if (act.kind === 'delete') held.delete(t);
    else if (act.kind !== 'repeat') held.set(t, { value: act.value, size: act.size });
    touched.get(key)?.add(t);
  }
  return new Map([...touched].map(([key, instants]) => [key, spans([...instants], near)]));
}

function instantOf(series: Series, held: Held, act: Act): number | undefined {
  if (act.kind === 'put') return act.t;
  if (act.kind !== 'append') return [...held.keys()][act.at % held.size];
  let last = 0;
  for (const each of series.values()) for (const t of each.keys()) last = Math.max(last, t);
  return last + act.gap;
}

function spans(instants: number[], near: number): Range[] {
  const found: { from: number; to: number }[] = [];
  for (const t of instants.sort((a, b) => a - b)) {
    const last = found[found.length - 1];
    if (last && t - last.to <= near) last.to = t + 1;
    else found.push({ from: t, to: t + 1 });
  }
  return found;
}
