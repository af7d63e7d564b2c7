import type { Input, Stage } from './plan.ts';

/** How far back something looks: so long, and then so many points. */
export interface Reach {
  readonly micros: number;
  readonly points: number;
}

export const noReach: Reach = { micros: 0, points: 0 };

export interface StageReach {
  /** Of what remembers forever, seen from the output: a checkpoint must lie so far back. undefined: nothing does. */
  readonly checkpoint: Reach | undefined;
  /** Of each leaf: seen from the output, and seen from the checkpoint; undefined where there is no such way to it. */
  readonly leaves: readonly { readonly wanted: Reach | undefined; readonly checkpoint: Reach | undefined }[];
}

function further(a: Reach | undefined, b: Reach): Reach {
  return a ? { micros: Math.max(a.micros, b.micros), points: Math.max(a.points, b.points) } : b;
}

/**
 * How much of its past a stage needs to be certain at an instant: a first guess, for a count of points is not known to
 * reach as far in what comes of them.
 */
export function reachOf(stage: Stage): StageReach {
  let checkpoint: Reach | undefined;
  const leaves = stage.leaves.map((): { wanted: Reach | undefined; checkpoint: Reach | undefined } => ({
    wanted: undefined,
    checkpoint: undefined,
  }));
  const visit = (input: Input, reach: Reach, anchor: 'wanted' | 'checkpoint'): void => {
    if (input.kind === 'constant') return;
    if (input.kind === 'leaf') {
      const leaf = leaves[input.leaf];
      leaf[anchor] = further(leaf[anchor], reach);
      return;
    }
    const { operator, given, inputs } = stage.nodes[input.node];
    const memory = operator.memory(given);
    const joined = inputs.filter(({ kind }) => kind !== 'constant').length > 1 && operator.join !== 'same' ? 1 : 0;
    let next: Reach;
    let from = anchor;
    if (memory.kind === 'forever') {
      // Behind a checkpoint, another one is at the same instant.
      if (anchor === 'wanted') checkpoint = further(checkpoint, reach);
      from = 'checkpoint';
      next = noReach;
    } else if (memory.kind === 'rows') {
      next = { micros: reach.micros, points: reach.points + Math.max(0, memory.rows - 1) };
    } else {
      next = { micros: reach.micros + memory.micros, points: reach.points + (memory.kind === 'asOf' ? 1 : 0) };
    }
    for (const each of inputs) visit(each, { micros: next.micros, points: next.points + joined }, from);
  };
  visit(stage.output, noReach, 'wanted');
  return { checkpoint, leaves };
}

/** The same, so many times as far. */
export function timesReach(reach: Reach, times: number): Reach {
  return times === 1 ? reach : { micros: reach.micros * times, points: (reach.points + 1) * times };
}
