import { count } from '../engine/operators/count.ts';
import { type Input, isRecursive, type Leaf, type Node, type Stage } from '../engine/plan.ts';
import { type OpenLeaf, StageSource } from './stage-source.ts';
import type { LeafSource } from './walk.ts';

export interface TracedLeaf extends OpenLeaf {
  /** Computed from all of its past. */
  readonly endless: boolean;
}

/** Copies nodes and leaves of a stage, as far as they are needed. */
class Copy {
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

  /** Read as if it were stored; undefined when that takes all of the past. */
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

/** What an input of a stage's node gives. */
export function sourceOfInput(stage: Stage, open: readonly TracedLeaf[], input: Input): LeafSource | undefined {
  const leaf = input.kind === 'leaf' ? open[input.leaf] : undefined;
  if (leaf?.column === 'value' && !leaf.endless) return leaf.source;
  const copy = new Copy(stage, open);
  return copy.source(copy.input(input));
}

/** A point wherever an operator of several inputs has a row in which each is known. */
export function sourceOfRows(stage: Stage, open: readonly TracedLeaf[], { operator, inputs }: Node) {
  const copy = new Copy(stage, open);
  const counting = { ...count, join: operator.join };
  return copy.source(copy.node({ operator: counting, given: { window: { points: 1 } }, inputs }));
}
