import { constantOf } from './constant.ts';
import type { Expression } from './formula/expression.ts';
import { formulaFault } from './formula/fault.ts';
import type { Arguments, BucketOperator, RowOperator } from './operator.ts';

/** What a stage reads: a column of a series that the formula names, or what an earlier stage gives. */
export type Leaf =
  | { readonly kind: 'series'; readonly key: string; readonly column: 'value' | 'size' }
  | { readonly kind: 'stage'; readonly stage: number };

/** Where a node takes an input from: leaves and nodes by their index within the stage. */
export type Input =
  | { readonly kind: 'leaf'; readonly leaf: number }
  | { readonly kind: 'node'; readonly node: number }
  | { readonly kind: 'constant'; readonly value: number };

export interface Node {
  readonly operator: RowOperator;
  readonly given: Arguments;
  readonly inputs: readonly Input[];
}

/**
 * A part of a formula that goes through time once, from the past on: what it gives at an instant depends on nothing
 * later. Only a bucket does, which stands at its start: so a bucket ends a stage, and what is made of buckets is made by
 * a later one.
 */
export interface Stage {
  readonly leaves: readonly Leaf[];
  /** Each takes its inputs from leaves and from nodes before it. */
  readonly nodes: readonly Node[];
  readonly output: Input;
  readonly bucket:
    | { readonly operator: BucketOperator; readonly given: Arguments; readonly widthMicros: number }
    | undefined;
}

export interface Plan {
  /** The last one gives what the formula gives. */
  readonly stages: readonly Stage[];
  /** The keys that it names, each once. */
  readonly keys: readonly string[];
}

class StageBuilder {
  readonly leaves: Leaf[] = [];
  readonly nodes: Node[] = [];
  readonly #known = new Map<string, Input>();

  leaf(leaf: Leaf): Input {
    return this.#once(JSON.stringify(leaf), () => {
      this.leaves.push(leaf);
      return { kind: 'leaf', leaf: this.leaves.length - 1 };
    });
  }

  /** The same operator on the same inputs is computed once. */
  node(node: Node): Input {
    return this.#once(JSON.stringify([node.operator.name, node.given, node.inputs]), () => {
      this.nodes.push(node);
      return { kind: 'node', node: this.nodes.length - 1 };
    });
  }

  #once(name: string, make: () => Input): Input {
    const known = this.#known.get(name) ?? make();
    this.#known.set(name, known);
    return known;
  }
}

type Call = Extract<Expression, { kind: 'call' }>;

function withoutInstants({ operator, place }: Call) {
  return formulaFault(place, `'${operator.name}' of numbers alone has no instants to stand at`, ['a series']);
}

/** Turns a formula into stages. */
export function planFormula(expression: Expression): Plan {
  const stages: Stage[] = [];
  const stageOf = new Map<string, number>();

  const close = (builder: StageBuilder, output: Input, bucket: Stage['bucket']): number => {
    const stage = { leaves: builder.leaves, nodes: builder.nodes, output, bucket };
    const name = JSON.stringify({
      ...stage,
      nodes: stage.nodes.map((node) => [node.operator.name, node]),
      bucket: bucket && [bucket.operator.name, bucket.given],
    });
    const known = stageOf.get(name);
    if (known !== undefined) return known;
    stages.push(stage);
    stageOf.set(name, stages.length - 1);
    return stages.length - 1;
  };

  const bucketStage = (call: Call, operator: BucketOperator): number => {
    const builder = new StageBuilder();
    const output = build(call.inputs[0], builder);
    if (output.kind === 'constant') throw withoutInstants(call);
    return close(builder, output, { operator, given: call.given, widthMicros: operator.widthMicros(call.given) });
  };

  const build = (part: Expression, builder: StageBuilder): Input => {
    if (part.kind === 'number') return { kind: 'constant', value: part.value };
    if (part.kind === 'series') return builder.leaf({ kind: 'series', key: part.key, column: 'value' });
    if (part.kind === 'size') return builder.leaf({ kind: 'series', key: part.key, column: 'size' });
    const { operator } = part;
    if (operator.kind === 'bucket') return builder.leaf({ kind: 'stage', stage: bucketStage(part, operator) });
    const inputs = part.inputs.map((input) => build(input, builder));
    // What takes sizes alone gives them as they are.
    if (operator.takes === 'size') return inputs[0];
    if (inputs.every((input) => input.kind === 'constant')) {
      const value = constantOf(
        operator,
        part.given,
        inputs.map(({ value }) => value),
      );
      if (value === undefined) throw withoutInstants(part);
      return { kind: 'constant', value };
    }
    return builder.node({ operator, given: part.given, inputs });
  };

  if (expression.kind === 'call' && expression.operator.kind === 'bucket') {
    bucketStage(expression, expression.operator);
  } else {
    const builder = new StageBuilder();
    const output = build(expression, builder);
    stages.push({ leaves: builder.leaves, nodes: builder.nodes, output, bucket: undefined });
  }
  const keys = new Set<string>();
  for (const { leaves } of stages) for (const leaf of leaves) if (leaf.kind === 'series') keys.add(leaf.key);
  return { stages, keys: [...keys] };
}

/** Whether a node of the stage remembers forever, so that checkpoints of its state are needed. */
export function isRecursive({ nodes }: Stage): boolean {
  return nodes.some(({ operator, given }) => operator.memory(given).kind === 'forever');
}
