import { never } from './horizon.ts';
import { type Input, isRecursive, type Node, type Stage } from './plan.ts';

/** A distance into the past: a duration, and then a number of points. */
export interface Reach {
  readonly micros: number;
  readonly points: number;
}

const noReach: Reach = { micros: 0, points: 0 };

/**
 * Inputs that must be known this far before an anchor. Anchor 0 is the requested instant, anchor k the k-th checkpoint.
 */
export interface Need extends Reach {
  readonly anchor: number;
}

export interface StageReach {
  /**
   * The checkpoints from which nodes with unlimited memory start, the latest first. When a node with limited memory
   * lies between two such nodes, the inner one starts from an earlier checkpoint than the outer one. For each
   * checkpoint: how far before the previous anchors it must lie, in points of these leaves.
   */
  readonly checkpoints: readonly (readonly (Need & { readonly leaves: readonly number[] })[])[];
  /** For each node with unlimited memory, the number of the checkpoint from which it starts. */
  readonly anchors: readonly number[];
  /** The needs of each leaf. */
  readonly leaves: readonly (readonly Need[])[];
}

/**
 * The past that a stage needs to be certain at an instant. This is a first estimate: a number of input points may give
 * fewer points in a node between.
 */
export function reachOf(stage: Stage): StageReach {
  const ofLeaves: Need[][] = stage.leaves.map(() => []);
  const ofNodes: Need[][] = stage.nodes.map(() => []);
  const checkpoints: (Need & { leaves: readonly number[] })[][] = [];
  const anchors: number[] = [];
  const ask = (input: Input, need: Need): void => {
    if (input.kind === 'constant') return;
    const needs = input.kind === 'leaf' ? ofLeaves[input.leaf] : ofNodes[input.node];
    const known = needs.findIndex(({ anchor }) => anchor === need.anchor);
    if (known < 0) needs.push(need);
    else needs[known] = further(needs[known], need);
  };
  ask(stage.output, { anchor: 0, ...noReach });
  // A node comes after its inputs.
  for (let i = stage.nodes.length - 1; i >= 0; i--) {
    const node = stage.nodes[i];
    const needs = ofNodes[i];
    if (node.operator.memory(node.given).kind !== 'forever') {
      for (const need of needs) for (const input of node.inputs) ask(input, before(need, node));
      continue;
    }
    const anchor = Math.max(...needs.map((need) => (isAtOnce(need) ? need.anchor : need.anchor + 1)));
    while (checkpoints.length < anchor) checkpoints.push([]);
    const leaves = leavesOf(stage, i);
    for (const need of needs) if (need.anchor < anchor) checkpoints[anchor - 1].push({ ...need, leaves });
    anchors.unshift(anchor);
    for (const input of node.inputs) ask(input, before({ anchor, ...noReach }, node));
  }
  return { checkpoints, anchors, leaves: ofLeaves };
}

/** The time for which a change affects a stage, if only time windows remember it; infinite when unknown. */
export function feltFor(stage: Stage): number {
  const needs = reachOf(stage).leaves.flat();
  if (isRecursive(stage) || needs.some(({ points }) => points > 0)) return never;
  return Math.max(0, ...needs.map(({ micros }) => micros));
}

/** A node that is read row by row starts from the same checkpoint as its reader. */
function isAtOnce({ anchor, micros, points }: Need): boolean {
  return anchor > 0 && micros === 0 && points === 0;
}

function further(a: Need, b: Need): Need {
  return { anchor: a.anchor, micros: Math.max(a.micros, b.micros), points: Math.max(a.points, b.points) };
}

/** The distance into the past that a node needs from its inputs to be certain. */
function before({ anchor, micros, points }: Need, { operator, given, inputs }: Node): Need {
  const memory = operator.memory(given);
  const joined = inputs.filter(({ kind }) => kind !== 'constant').length > 1 && operator.join !== 'same' ? 1 : 0;
  if (memory.kind === 'forever') return { anchor, micros, points: points + joined };
  if (memory.kind === 'rows') return { anchor, micros, points: points + memory.rows + joined };
  return { anchor, micros: micros + memory.micros, points: points + joined + (memory.kind === 'asOf' ? 1 : 0) };
}

/** The leaves that a node depends on. */
function leavesOf(stage: Stage, node: number): number[] {
  const found = new Set<number>();
  const visit = ({ inputs }: Node): void => {
    for (const input of inputs) {
      if (input.kind === 'leaf') found.add(input.leaf);
      else if (input.kind === 'node') visit(stage.nodes[input.node]);
    }
  };
  visit(stage.nodes[node]);
  return [...found];
}

/** The same distance multiplied. */
export function timesReach({ micros, points }: Reach, times: number): Reach {
  return times === 1 ? { micros, points } : { micros: micros * times, points: (points + 1) * times };
}
