import { endOfBucket, startOfBucket } from './bucket.ts';
import { always, Horizon, never } from './horizon.ts';
import { type Join, type Joined, rowsFrom, SameJoin, UnionJoin } from './join.ts';
import type { BucketRunner, Memory, Runner } from './operator.ts';
import type { Input, Node, Stage } from './plan.ts';
import type { Rows } from './rows.ts';
import { noValues, type Values } from './values.ts';
import { lowerBound } from './versions.ts';

/** The output of a stage over a part of time. It replaces the earlier output there. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly line: Values;
}

interface NodeState {
  readonly t: number;
  readonly state: readonly number[];
}

export interface RunStart {
  /** For each leaf, the instant at which its points start; `always` for the first point of the series. */
  readonly from: readonly number[];
  /**
   * The state of each node with unlimited memory before an instant. Without states, the run starts at the beginning.
   */
  readonly states?: readonly NodeState[];
  /** The first instant whose output is needed. */
  readonly wanted: number;
}

/** An input is known from its own first point on. */
const untilOwn: Memory = { kind: 'rows', rows: 1 };

class NodeRun {
  readonly node: Node;
  readonly runner: Runner;
  readonly recursive: boolean;
  readonly #join: Join;
  readonly #startsAt: number;
  /** The instant from which the join knows each input: with several inputs, when each has had a point. */
  readonly #certainInputs: Horizon[];
  readonly #cleanInputs: Horizon[];
  readonly #certain: Horizon;
  readonly clean: Horizon;
  line: Values = noValues;

  constructor(node: Node, start: NodeState | undefined) {
    this.node = node;
    const memory = node.operator.memory(node.given);
    this.recursive = memory.kind === 'forever';
    this.runner = node.operator.open(node.given);
    this.#join = node.operator.join === 'same' ? new SameJoin() : new UnionJoin(node.inputs.length);
    const joined: Memory = node.operator.join === 'same' || lineInputs(node) < 2 ? { kind: 'rows', rows: 0 } : untilOwn;
    this.#certainInputs = node.inputs.map(() => new Horizon(joined));
    this.#cleanInputs = node.inputs.map(() => new Horizon(joined));
    this.#certain = new Horizon(memory);
    this.clean = new Horizon(memory);
    this.#startsAt = start ? start.t : always;
    if (start) this.runner.restore?.(start.state);
  }

  get certain(): number {
    return this.#certain.instant;
  }

  restart(): void {
    for (const input of this.#cleanInputs) input.restart();
    this.clean.restart();
  }

  /** Advances by a chunk of its inputs; `certain` and `clean` give the same instants for each input. */
  run(inputs: readonly Joined[], certain: readonly number[], clean: readonly number[]): void {
    const all = this.#join.rows(inputs);
    const pass = (horizons: readonly Horizon[], known: readonly number[]): number => {
      let latest = always;
      horizons.forEach((horizon, k) => {
        const input = inputs[k];
        if (typeof input === 'number') return;
        horizon.pass(known[k], input.t, input.t.length);
        if (horizon.instant > latest) latest = horizon.instant;
      });
      return latest;
    };
    const certainFrom = pass(this.#certainInputs, certain);
    const cleanFrom = pass(this.#cleanInputs, clean);
    const rows = this.#startsAt === always ? all : rowsFrom(all, this.#startsAt);
    if (this.#startsAt === always) this.#certain.pass(certainFrom, rows.t, rows.length);
    // A restored state is valid only over rows that are certain themselves.
    else if (certainFrom <= this.#startsAt) this.#certain.set(this.#startsAt);
    this.clean.pass(cleanFrom, rows.t, rows.length);
    const out = new Float64Array(rows.length);
    if (rows.length > 0) this.runner.run(rows, out);
    this.line = pointsOf(rows, out);
    this.inputsClean = cleanFrom;
  }

  inputsClean = never;
}

function lineInputs({ inputs }: Node): number {
  return inputs.filter(({ kind }) => kind !== 'constant').length;
}

/** Drops rows without a point and turns -0 into 0. */
function pointsOf(rows: Rows, out: Float64Array): Values {
  let missing = 0;
  for (let i = 0; i < out.length; i++) {
    const value = out[i] + 0;
    out[i] = value;
    if (value - value !== 0) missing++;
  }
  if (missing === 0) return { t: rows.t, value: out };
  const t = new Float64Array(out.length - missing);
  const value = new Float64Array(out.length - missing);
  let n = 0;
  for (let i = 0; i < out.length; i++) {
    if (out[i] - out[i] !== 0) continue;
    t[n] = rows.t[i];
    value[n++] = out[i];
  }
  return { t, value };
}

/** The bucket operator at the end of a stage: it takes rows and gives one point per finished bucket. */
class BucketRun {
  readonly width: number;
  readonly #runner: BucketRunner;
  #start = Number.NaN;
  #end = Number.NaN;
  #filled = false;

  constructor(runner: BucketRunner, width: number) {
    this.#runner = runner;
    this.width = width;
  }

  startOf(t: number): number {
    return startOfBucket(t, this.width);
  }

  endOf(t: number): number {
    return endOfBucket(t, this.width);
  }

  /** The points of the buckets that end before `upTo`, and of the open bucket when the data ends there. */
  run(line: Values, upTo: number, ends: boolean): Values {
    const t: number[] = [];
    const value: number[] = [];
    const emit = () => {
      const result = this.#runner.value() + 0;
      if (Number.isFinite(result)) {
        t.push(this.#start);
        value.push(result);
      }
    };
    for (let i = 0; i < line.t.length; ) {
      const start = this.startOf(line.t[i]);
      if (start !== this.#start) {
        if (this.#filled) emit();
        this.#runner.clear();
        this.#start = start;
        this.#end = this.endOf(start);
        this.#filled = true;
      }
      const end = lowerBound(line.t, this.#end);
      this.#runner.add(line.value, i, end);
      i = end;
    }
    if (this.#filled && (ends || this.#end <= upTo)) {
      emit();
      if (this.#end <= upTo) {
        this.#filled = false;
        this.#start = Number.NaN;
      }
    }
    return { t: Float64Array.from(t), value: Float64Array.from(value) };
  }
}

/**
 * A run of a stage over time. It takes the points of its leaves chunk by chunk and gives its own. It knows from which
 * instant its output is certain (it may have started in the middle), and from which instant its output equals the
 * output before the leaves changed.
 */
export class StageRun {
  readonly stage: Stage;
  readonly #nodes: NodeRun[];
  readonly #bucket: BucketRun | undefined;
  readonly #leafCertain: number[];
  readonly #leafClean: number[];
  #lines: readonly Values[];
  /** The first instant that no output covers yet. */
  #pieceFrom: number;
  /** The number of leaf points that it has processed. */
  points = 0;

  constructor(stage: Stage, start: RunStart) {
    this.stage = stage;
    let states = 0;
    this.#nodes = stage.nodes.map((node) => {
      const forever = node.operator.memory(node.given).kind === 'forever';
      return new NodeRun(node, forever ? start.states?.[states++] : undefined);
    });
    this.#leafCertain = [...start.from];
    this.#leafClean = stage.leaves.map(() => always);
    this.#lines = stage.leaves.map(() => noValues);
    const { bucket } = stage;
    this.#bucket = bucket && new BucketRun(bucket.operator.open(bucket.given), bucket.widthMicros);
    this.#pieceFrom = this.#bucket ? this.#bucket.startOf(start.wanted) : start.wanted;
  }

  /**
   * Sets the instant from which the points of a leaf are unchanged; `always` when all are. The caller calls it again
   * when more changes follow.
   */
  setClean(leaf: number, from: number): void {
    this.#leafClean[leaf] = from;
    for (const node of this.#nodes) node.restart();
  }

  /** Processes the points of each leaf up to an instant; with `ends`, no points follow. */
  push(lines: readonly Values[], upTo: number, ends: boolean): Piece {
    this.#lines = lines;
    for (const line of lines) this.points += line.t.length;
    for (const run of this.#nodes) {
      const inputs = run.node.inputs;
      run.run(
        inputs.map((input) => this.#joined(input)),
        inputs.map((input) => this.#certainOf(input)),
        inputs.map((input) => this.#cleanOf(input)),
      );
    }
    const joined = this.#joined(this.stage.output);
    const output = typeof joined === 'number' ? noValues : joined;
    const from = this.#pieceFrom;
    const to = ends ? never : this.#bucket ? Math.max(from, this.#bucket.startOf(upTo)) : upTo;
    // At the end of the data the last bucket may still grow, so the next output starts with it.
    this.#pieceFrom = this.#bucket ? Math.max(from, this.#bucket.startOf(upTo)) : Math.max(from, upTo);
    const line = this.#bucket ? this.#bucket.run(output, upTo, ends) : output;
    const start = lowerBound(line.t, from);
    return { from, to, line: start === 0 ? line : { t: line.t.subarray(start), value: line.value.subarray(start) } };
  }

  /** The instant from which the output equals that of a run from the beginning. */
  get certain(): number {
    return this.#wholeBuckets(this.#certainOf(this.stage.output));
  }

  /** The instant from which the output equals the output before the leaves changed. */
  get clean(): number {
    return this.#wholeBuckets(this.#cleanOf(this.stage.output));
  }

  /** The states of the nodes with unlimited memory. */
  states(): number[][] {
    return this.#nodes.filter(({ recursive }) => recursive).map(({ runner }) => runner.state?.() ?? []);
  }

  /**
   * Compares with the states at this instant before the leaves changed: a node with a clean input and an equal state
   * continues as before. Returns true when all states are equal.
   */
  compare(t: number, before: readonly (readonly number[])[]): boolean {
    let all = true;
    let i = 0;
    for (const run of this.#nodes) {
      if (!run.recursive) continue;
      const state = run.runner.state?.() ?? [];
      const same = sameNumbers(state, before[i++] ?? []);
      if (!same) all = false;
      else if (run.inputsClean <= t && run.clean.instant === never) run.clean.set(t);
    }
    return all;
  }

  bytes(): number {
    return this.#nodes.reduce((sum, { runner }) => sum + runner.bytes() + 500, 500);
  }

  #joined(input: Input): Joined {
    if (input.kind === 'constant') return input.value;
    return input.kind === 'leaf' ? this.#lines[input.leaf] : this.#nodes[input.node].line;
  }

  #certainOf(input: Input): number {
    if (input.kind === 'constant') return always;
    return input.kind === 'leaf' ? this.#leafCertain[input.leaf] : this.#nodes[input.node].certain;
  }

  #cleanOf(input: Input): number {
    if (input.kind === 'constant') return always;
    return input.kind === 'leaf' ? this.#leafClean[input.leaf] : this.#nodes[input.node].clean.instant;
  }

  #wholeBuckets(instant: number): number {
    if (!this.#bucket || !Number.isFinite(instant)) return instant;
    const start = this.#bucket.startOf(instant);
    return start === instant ? instant : this.#bucket.endOf(instant);
  }
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
