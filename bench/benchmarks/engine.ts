import { parseFormula } from '../../src/engine/formula/parse.ts';
import { always } from '../../src/engine/horizon.ts';
import { operatorsByName } from '../../src/engine/operators/registry.ts';
import { planFormula } from '../../src/engine/plan.ts';
import { StageRun } from '../../src/engine/stage-run.ts';
import { alternate, type Figure, median, rateFigure } from '../figure.ts';
import { type Library, loadLibraries } from '../libraries.ts';
import { prices, seconds } from '../points.ts';
import type { World } from '../world.ts';

const points = 1_000_000;
/** As recomputing gives points to the engine. */
const chunk = 16_384;
/** One that goes through the whole window at each point would take minutes: it is not the fastest. */
const microsMax = 3;

interface Measured {
  readonly operator: string;
  readonly span: number;
  readonly formula: string;
  /** Of the fastest library's rate. */
  readonly least?: number;
}

const measured: readonly Measured[] = [
  { operator: 'ema', span: 12, formula: 'ema(A, 12)', least: 1 },
  { operator: 'rsi', span: 14, formula: 'rsi(A, 14)', least: 1 },
  { operator: 'mean', span: 20, formula: 'mean(A, 20p)', least: 0.25 },
  { operator: 'stddev', span: 20, formula: 'stddev(A, 20p)', least: 0.125 },
  { operator: 'mean', span: 3_600, formula: 'mean(A, 1h)', least: 0.25 },
  { operator: 'stddev', span: 3_600, formula: 'stddev(A, 1h)', least: 0.125 },
  { operator: 'sum', span: 3_600, formula: 'sum(A, 1h)' },
  { operator: 'min', span: 20, formula: 'min(A, 20p)' },
  { operator: 'max', span: 20, formula: 'max(A, 20p)' },
];

/** Those that the libraries do not have, or not over windows so long. */
const alone: readonly string[] = [
  'min(A, 1h)',
  'median(A, 1h)',
  'mean(A, 24h)',
  'stddev(A, 24h)',
  'slope(A, 1h)',
  'zscore(A, 1h)',
  'A - mean(A, 1h)',
];

const source = { t: seconds(points, 0), value: prices(points, 3) };

function rateOf(run: () => unknown): number {
  const started = performance.now();
  run();
  return (points / (performance.now() - started)) * 1000;
}

/** As recomputing does it: joined, without what is no point, with what is needed to begin anywhere. */
function throughStage(formula: string): () => number {
  const plan = planFormula(parseFormula(formula, operatorsByName));
  const [stage] = plan.stages;
  return () => {
    const run = new StageRun(stage, { from: [always], wanted: always });
    let given = 0;
    for (let at = 0; at < points; at += chunk) {
      const end = Math.min(points, at + chunk);
      const line = { t: source.t.subarray(at, end), value: source.value.subarray(at, end) };
      const upTo = end < points ? source.t[end] : source.t[points - 1] + 1;
      given += run.push([line], upTo, end === points).line.t.length;
    }
    return given;
  };
}

/** The operator's own arithmetic, and nothing around it. */
function throughRunner(formula: string): () => void {
  const [{ nodes }] = planFormula(parseFormula(formula, operatorsByName)).stages;
  const [{ operator, given }] = nodes;
  const out = new Float64Array(chunk);
  return () => {
    const runner = operator.open(given);
    for (let at = 0; at < points; at += chunk) {
      const end = Math.min(points, at + chunk);
      const columns = [source.value.subarray(at, end)];
      runner.run({ length: end - at, t: source.t.subarray(at, end), columns, own: undefined }, out);
    }
  };
}

/** The library that is fastest at an operator. */
function fastest(libraries: readonly Library[], { operator, span }: Measured, values: number[]) {
  const rates = libraries.flatMap(({ name, operators }) => {
    const compute = operators[operator];
    if (!compute) return [];
    const few = values.slice(0, span + 2_000);
    compute(few, span);
    const started = performance.now();
    compute(few, span);
    if (((performance.now() - started) * 1000) / few.length > microsMax) return [];
    compute(values, span);
    return [{ name, compute, rate: median([0, 0, 0].map(() => rateOf(() => compute(values, span)))) }];
  });
  return rates.reduce((best, each) => (each.rate > best.rate ? each : best));
}

/** The pure engine against libraries that promise less. */
export async function engine(world: World): Promise<Figure[]> {
  const libraries = await loadLibraries();
  const values = Array.from(source.value);
  const rounds = world.quick ? 5 : 15;
  const figures: Figure[] = [];
  world.say('  The libraries keep no promise of exactness: what they give depends on where they began.');
  for (const each of measured) {
    const library = fastest(libraries, each, values);
    const peer = async () => rateOf(() => library.compute(values, each.span));
    const stage = throughStage(each.formula);
    const runner = throughRunner(each.formula);
    const name = `${each.formula} / ${library.name} (inexact)`;
    const pairs = await alternate(rounds, peer, async () => rateOf(stage));
    figures.push(rateFigure(name, '/s', pairs, each.least));
    const bare = await alternate(rounds, peer, async () => rateOf(runner));
    figures.push(rateFigure(`  its operator alone / ${library.name}`, '/s', bare));
  }
  for (const formula of alone) {
    const stage = throughStage(formula);
    stage();
    const rate = median(Array.from({ length: 3 }, () => rateOf(stage)));
    world.say(`  ${formula}: ${(rate / 1e6).toFixed(1)} M points/s`);
  }
  return figures;
}
