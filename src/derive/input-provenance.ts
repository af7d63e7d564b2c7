import type { Memory } from '../engine/operator.ts';
import { type Input, isRecursive, type Leaf, type Node, type Plan, type Stage } from '../engine/plan.ts';
import { everything, hullOf, mergeRanges, type Range } from '../engine/ranges.ts';
import { sourceOfInput, sourceOfRows, type TracedLeaf } from './stage-slice.ts';
import type { OpenLeaf } from './stage-source.ts';
import type { LeafSource } from './walk.ts';

/** The contributing points of a series. */
export interface InputProvenance {
  /** All points within these spans, ascending and disjoint. */
  readonly spans: readonly Range[];
  /** Only points with a size. */
  readonly sized: boolean;
}

/** Above this number of spans, one span that covers them all is used. */
const rangesMax = 64;

type LineInput = Exclude<Input, { readonly kind: 'constant' }>;

/**
 * Finds the points, by key of their series, from which the value of a formula at an instant is computed. It follows the
 * operators back. An operator with unlimited memory uses its whole past, and so does an operator that reads such a one
 * by a number of points.
 */
export async function findProvenance(
  plan: Plan,
  opened: readonly (readonly OpenLeaf[])[],
  t: number,
): Promise<Map<string, InputProvenance>> {
  const asked: Range[][] = plan.stages.map(() => []);
  const found = new Map<string, { spans: Range[]; sized: boolean }>();
  asked[asked.length - 1].push({ from: t, to: t + 1 });
  for (let at = plan.stages.length - 1; at >= 0; at--) {
    const stage = plan.stages[at];
    const leaves = opened[at].map((leaf, i) => ({ ...leaf, endless: isEndless(plan, stage.leaves[i]) }));
    const ofLeaves = await new StageTrace(stage, leaves).ofLeaves(bucketsIn(stage, mergeSome(asked[at])));
    stage.leaves.forEach((leaf, i) => {
      if (leaf.kind === 'stage') {
        asked[leaf.stage].push(...ofLeaves[i]);
        return;
      }
      const known = found.get(leaf.key) ?? { spans: [], sized: true };
      const sized = leaf.column === 'size' || ofLeaves[i].length === 0;
      found.set(leaf.key, { spans: [...known.spans, ...ofLeaves[i]], sized: known.sized && sized });
    });
  }
  return new Map([...found].map(([key, { spans, sized }]) => [key, { spans: mergeSome(spans), sized }]));
}

/** True when a leaf is computed from all of its past. */
function isEndless(plan: Plan, leaf: Leaf): boolean {
  if (leaf.kind === 'series') return false;
  const stage = plan.stages[leaf.stage];
  return isRecursive(stage) || stage.leaves.some((each) => isEndless(plan, each));
}

/** The rows of the buckets whose points lie in spans. */
function bucketsIn({ bucket }: Stage, spans: readonly Range[]): Range[] {
  if (!bucket) return [...spans];
  const startFrom = (t: number) => Math.ceil(t / bucket.widthMicros) * bucket.widthMicros;
  return spans.map(({ from, to }) => ({
    from: from <= everything.from ? from : startFrom(from),
    to: to >= everything.to ? to : startFrom(to),
  }));
}

class StageTrace {
  readonly #stage: Stage;
  readonly #opened: readonly TracedLeaf[];
  readonly #sources = new Map<string, LeafSource | undefined>();
  readonly #ofLeaves: Range[][];
  readonly #ofNodes: Range[][];

  constructor(stage: Stage, opened: readonly TracedLeaf[]) {
    this.#stage = stage;
    this.#opened = opened;
    this.#ofLeaves = stage.leaves.map(() => []);
    this.#ofNodes = stage.nodes.map(() => []);
  }

  /** The points of each leaf that contribute to the stage's output within spans. */
  async ofLeaves(spans: readonly Range[]): Promise<readonly (readonly Range[])[]> {
    const { output, bucket } = this.#stage;
    for (const span of spans) this.#ask(output, bucket ? await this.#fromFirst(output, span) : span);
    // A node comes after its inputs.
    for (let i = this.#stage.nodes.length - 1; i >= 0; i--)
      for (const span of mergeSome(this.#ofNodes[i]))
        for (const rows of await this.#rowsFor(i, span)) await this.#askInputs(this.#stage.nodes[i], rows);
    return this.#ofLeaves;
  }

  /** A bucket may start before its first row. */
  async #fromFirst(output: Input, span: Range): Promise<Range> {
    const source = output.kind === 'node' && span.from > everything.from ? this.#sourceOf(output) : undefined;
    return source ? { from: await firstIn(source, span), to: span.to } : span;
  }

  #ask(input: Input, span: Range): void {
    if (input.kind === 'leaf') this.#ofLeaves[input.leaf].push(span);
    else if (input.kind === 'node') this.#ofNodes[input.node].push(span);
  }

  /** The rows of a node that contribute to its output in a span that starts at one of its outputs. */
  async #rowsFor(i: number, span: Range): Promise<Range[]> {
    const { operator, given } = this.#stage.nodes[i];
    const memory = operator.memory(given);
    const start = (await this.#farEnd(i, memory, span.from)) ?? everything.from;
    if (operator.counts === undefined || !this.#rowsOf(i)) return [{ from: start, to: span.to }];
    const last =
      span.to === span.from + 1 && start > everything.from ? start : await this.#farEnd(i, memory, span.to - 1);
    const far = last === undefined ? [] : [{ from: start, to: last + 1 }];
    return operator.counts === 'bothEnds' ? [...far, span] : far;
  }

  /** The start of a node's memory at a row; undefined before its first row. */
  async #farEnd(i: number, memory: Memory, at: number): Promise<number | undefined> {
    if (at <= everything.from || memory.kind === 'forever') return undefined;
    if (memory.kind === 'rows' && memory.rows <= 1) return at;
    const rows = this.#rowsOf(i);
    if (memory.kind === 'rows') return rows?.back(at + 1, memory.rows);
    if (memory.kind === 'asOf') return rows?.back(at - memory.micros + 1, 1);
    const from = at - memory.micros + 1;
    return rows && !this.#isStored(i) ? firstIn(rows, { from, to: at + 1 }) : from;
  }

  async #askInputs({ operator, inputs }: Node, rows: Range): Promise<void> {
    const lines = linesOf(inputs);
    // A tick without a size is not a row.
    const sizes = operator.join === 'same' ? lines.filter((input) => this.#isSize(input)) : [];
    if (lines.length < 2 || operator.join === 'same') {
      for (const input of sizes.length > 0 ? sizes : lines) this.#ask(input, rows);
      return;
    }
    for (const input of lines) this.#ask(input, { from: await this.#knownAt(input, rows.from), to: rows.to });
  }

  /** The last instant up to another one at which an input has a point, because rows use last known values. */
  async #knownAt(input: LineInput, at: number): Promise<number> {
    if (at <= everything.from) return at;
    const source = this.#sourceOf(input);
    return source ? ((await source.back(at + 1, 1)) ?? at) : everything.from;
  }

  /** True when the rows of a node are exactly the points of a leaf. */
  #isStored(i: number): boolean {
    const [input, ...more] = linesOf(this.#stage.nodes[i].inputs);
    return input.kind === 'leaf' && more.length === 0;
  }

  #isSize(input: LineInput): boolean {
    return input.kind === 'leaf' && this.#opened[input.leaf].column === 'size';
  }

  #rowsOf(i: number): LeafSource | undefined {
    const node = this.#stage.nodes[i];
    const [input, ...more] = linesOf(node.inputs);
    if (more.length === 0) return this.#sourceOf(input);
    return this.#once(`rows of ${i}`, () => sourceOfRows(this.#stage, this.#opened, node));
  }

  #sourceOf(input: LineInput): LeafSource | undefined {
    return this.#once(JSON.stringify(input), () => sourceOfInput(this.#stage, this.#opened, input));
  }

  #once(name: string, make: () => LeafSource | undefined): LeafSource | undefined {
    if (!this.#sources.has(name)) this.#sources.set(name, make());
    return this.#sources.get(name);
  }
}

function mergeSome(ranges: readonly Range[]): Range[] {
  const merged = mergeRanges(ranges);
  return merged.length > rangesMax ? [hullOf(merged)] : merged;
}

function linesOf(inputs: readonly Input[]): LineInput[] {
  return inputs.filter((input): input is LineInput => input.kind !== 'constant');
}

/** The first point in a span, or its start when it has none. */
async function firstIn(source: LeafSource, { from, to }: Range): Promise<number> {
  for (let at = from; at < to; ) {
    const chunk = await source.chunk(at);
    if (chunk.points.t.length > 0) return Math.min(chunk.points.t[0], to - 1);
    at = chunk.to;
  }
  return from;
}
