import { count } from '../engine/operators/count.ts';
import { type Input, isRecursive, type Leaf, type Node, type Stage } from '../engine/plan.ts';
import { type OpenLeaf, StageSource } from './stage-source.ts';
import type { LeafSource } from './walk.ts';

export interface TracedLeaf extends OpenLeaf {
  /** True when it is computed from all of its past. */
  readonly endless: boolean;
}

/** Copies the nodes and leaves of a stage that are needed. */
class StageSlice {
  readonly leaves: Leaf[] = [];
  readonly nodes: Node[] = [];
  readonly opened: TracedLeaf[] = [];
  readonly #stage: Stage;
  readonly #open: readonly TracedLeaf[];
  readonly #leafAt = new Map<number, Input>();
  readonly #nodeAt = new Map<number, Input>();

  constructor(stage: Stage, open: readonly TracedLeaf[]) {
    this.#stage = stage;
    this.#open = open;
  }

  input(input: Input): Input {
    if (input.kind === 'constant') return input;
    if (input.kind === 'leaf') return this.#leafAt.get(input.leaf) ?? this.#addLeaf(input.leaf);
    return this.#nodeAt.get(input.node) ?? this.#addNode(input.node);
  }

  node({ operator, given, inputs }: Node): Input {
    this.nodes.push({ operator, given, inputs: inputs.map((each) => this.input(each)) });
    return { kind: 'node', node: this.nodes.length - 1 };
  }

  /** A source that computes a node on demand; undefined when that needs all of the past. */
  source(output: Input): LeafSource | undefined {
    const part = { leaves: this.leaves, nodes: this.nodes, output, bucket: undefined };
    const endless = isRecursive(part) || this.opened.some((leaf) => leaf.endless);
    return endless ? undefined : new StageSource(part, this.opened);
  }

  #addLeaf(leaf: number): Input {
    this.leaves.push(this.#stage.leaves[leaf]);
    this.opened.push(this.#open[leaf]);
    const added: Input = { kind: 'leaf', leaf: this.leaves.length - 1 };
    this.#leafAt.set(leaf, added);
    return added;
  }

  #addNode(node: number): Input {
    const added = this.node(this.#stage.nodes[node]);
    this.#nodeAt.set(node, added);
    return added;
  }
}

/** A source for the input of a node. */
export function sourceOfInput(stage: Stage, open: readonly TracedLeaf[], input: Input): LeafSource | undefined {
  const leaf = input.kind === 'leaf' ? open[input.leaf] : undefined;
  if (leaf?.column === 'value' && !leaf.endless) return leaf.source;
  const copy = new StageSlice(stage, open);
  return copy.source(copy.input(input));
}

/** A source with a point at each row of a multi-input operator whose inputs are all known. */
export function sourceOfRows(stage: Stage, open: readonly TracedLeaf[], { operator, inputs }: Node) {
  const copy = new StageSlice(stage, open);
  const counting = { ...count, join: operator.join };
  return copy.source(copy.node({ operator: counting, given: { window: { points: 1 } }, inputs }));
}
