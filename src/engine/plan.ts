import { constantOf } from './constant.ts';
import type { Expression } from './formula/expression.ts';
import { formulaFault } from './formula/fault.ts';
import type { Arguments, BucketOperator, RowOperator } from './operator.ts';

/** An input of a stage: a column of a series that the formula names, or the output of an earlier stage. */
export type Leaf =
  | { readonly kind: 'series'; readonly key: string; readonly column: 'value' | 'size' }
  | { readonly kind: 'stage'; readonly stage: number };

/** An input of a node: a leaf or a node, by its index within the stage. */
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
 * A part of a formula that runs over time once, from past to present: its output at an instant depends on nothing
 * later. A bucket is the exception, because its point stands at its start. So a bucket operator ends a stage, and a
 * later stage computes from its output.
 */
export interface Stage {
  readonly leaves: readonly Leaf[];
  /** Each node takes its inputs from leaves and earlier nodes. */
  readonly nodes: readonly Node[];
  readonly output: Input;
  readonly bucket:
    | { readonly operator: BucketOperator; readonly given: Arguments; readonly widthMicros: number }
    | undefined;
}

export interface Plan {
  /** The output of the last stage is the output of the formula. */
  readonly stages: readonly Stage[];
  /** The distinct keys that the formula names. */
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

  /** Equal operators on equal inputs are computed once. */
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

/** Splits a formula into stages. */
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
    // An operator that takes sizes alone passes them through.
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

/** True when a node of the stage has unlimited memory, so that its state needs checkpoints. */
export function isRecursive({ nodes }: Stage): boolean {
  return nodes.some(({ operator, given }) => operator.memory(given).kind === 'forever');
}
