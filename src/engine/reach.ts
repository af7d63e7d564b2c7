import { never } from './horizon.ts';
import { type Input, isRecursive, type Node, type Stage } from './plan.ts';

/** How far back something looks: so long, and then so many points. */
export interface Reach {
  readonly micros: number;
  readonly points: number;
}

export const noReach: Reach = { micros: 0, points: 0 };

/** Something must be known so far before an anchor: 0 is the instant that is wanted, k is the k-th checkpoint. */
export interface Need extends Reach {
  readonly anchor: number;
}

export interface StageReach {
  /**
   * From which checkpoints those go on that remember forever, the latest first. Where something with a memory of its own
   * lies between two of them, the one that is read goes on from an earlier checkpoint than the one that reads it. Of
   * each: how far before the anchors in front of it it must lie, in points of these leaves.
   */
  readonly checkpoints: readonly (readonly (Need & { readonly leaves: readonly number[] })[])[];
  /** Of each node that remembers forever: the checkpoint that it goes on from, from 1 on. */
  readonly anchors: readonly number[];
  /** Of each leaf. */
  readonly leaves: readonly (readonly Need[])[];
}

/**
 * How much of its past a stage needs to be certain at an instant: a first guess, for a count of points is not known to
 * reach as far in what comes of them.
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
  // Who reads a node stands behind it.
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

/** So long behind a change it will be felt, if nothing but windows of time remembers it; infinite when it is not known. */
export function feltFor(stage: Stage): number {
  const needs = reachOf(stage).leaves.flat();
  if (isRecursive(stage) || needs.some(({ points }) => points > 0)) return never;
  return Math.max(0, ...needs.map(({ micros }) => micros));
}

/** What is read row by row goes on from the same checkpoint as what reads it. */
function isAtOnce({ anchor, micros, points }: Need): boolean {
  return anchor > 0 && micros === 0 && points === 0;
}

function further(a: Need, b: Need): Need {
  return { anchor: a.anchor, micros: Math.max(a.micros, b.micros), points: Math.max(a.points, b.points) };
}

/** How far back the inputs of a node are needed, for the node to be certain there. */
function before({ anchor, micros, points }: Need, { operator, given, inputs }: Node): Need {
  const memory = operator.memory(given);
  const joined = inputs.filter(({ kind }) => kind !== 'constant').length > 1 && operator.join !== 'same' ? 1 : 0;
  if (memory.kind === 'forever') return { anchor, micros, points: points + joined };
  if (memory.kind === 'rows') return { anchor, micros, points: points + memory.rows + joined };
  return { anchor, micros: micros + memory.micros, points: points + joined + (memory.kind === 'asOf' ? 1 : 0) };
}

/** The leaves that a node hangs on. */
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

/** The same, so many times as far. */
export function timesReach({ micros, points }: Reach, times: number): Reach {
  return times === 1 ? { micros, points } : { micros: micros * times, points: (points + 1) * times };
}
