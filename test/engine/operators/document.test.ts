import { describe, expect, test } from 'vitest';
import { parseFormula } from '../../../src/engine/formula/parse.ts';
import { signatureOf } from '../../../src/engine/formula/signature.ts';
import type { Example, Operator } from '../../../src/engine/operator.ts';
import { asof } from '../../../src/engine/operators/asof.ts';
import { buckets } from '../../../src/engine/operators/buckets.ts';
import { formulasDocument } from '../../../src/engine/operators/document.ts';
import { fill } from '../../../src/engine/operators/fill.ts';
import { recipes } from '../../../src/engine/operators/recipes.ts';
import { operators as registered } from '../../../src/engine/operators/registry.ts';
import { size } from '../../../src/engine/operators/size.ts';
import { spread } from '../../../src/engine/operators/spread.ts';
import { planFormula } from '../../../src/engine/plan.ts';
import { StageRun } from '../../../src/engine/stage-run.ts';
import type { Values } from '../../../src/engine/values.ts';

const all: readonly Operator[] = [...registered, asof, fill, spread, size, ...buckets];
const byName = new Map(all.map((operator) => [operator.name, operator]));
const operators = [...byName.values()];

type Ticks = readonly (readonly [t: number, value: number, size?: number | undefined])[];

/** A formula over ticks at whole seconds, from the first to the last. */
function points(formula: string, series: Readonly<Record<string, Ticks>>): [t: number, value: number][] {
  const lines: Values[] = [];
  for (const stage of planFormula(parseFormula(formula, byName)).stages) {
    const leaves = stage.leaves.map((leaf): Values => {
      if (leaf.kind === 'stage') return lines[leaf.stage];
      const ticks = series[leaf.key].filter((tick) => leaf.column === 'value' || tick[2] !== undefined);
      return {
        t: Float64Array.from(ticks, ([t]) => t * 1e6),
        value: Float64Array.from(ticks, ([, value, size]) => (leaf.column === 'value' ? value : size!)),
      };
    });
    const from = leaves.map(() => Number.NEGATIVE_INFINITY);
    const run = new StageRun(stage, { from, wanted: Number.NEGATIVE_INFINITY });
    lines.push(run.push(leaves, Number.POSITIVE_INFINITY, true).line);
  }
  const { t, value } = lines[lines.length - 1];
  return Array.from(t, (instant, i) => [instant / 1e6, value[i]]);
}

function expectExample({ formula, inputs, output }: Example): void {
  expect(points(formula, inputs), formula).toEqual(output);
}

/** Steps of some ten minutes over forty days, with sizes now and then; always the same. */
function prices(seed: number): Ticks {
  let state = seed;
  const chance = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  let t = 86_400;
  let value = 1000;
  const ticks: [number, number, number?][] = [];
  while (t < 41 * 86_400) {
    // One tick in a hundred is far off.
    const price = chance() < 0.01 ? value * 20 : value;
    ticks.push(chance() < 0.7 ? [t, price, Math.floor(chance() * 5)] : [t, price]);
    t += 1 + Math.floor(chance() * 1200);
    value += Math.round((chance() - 0.5) * 800) / 100;
  }
  return ticks;
}

const market = { X: prices(7), Y: prices(11), Z: prices(13) };
const document = formulasDocument(operators);

test.each(operators.map((operator) => ({ name: operator.name, operator })))(
  '$name has examples, and they are right',
  ({ operator }) => {
    expect(operator.examples.length).toBeGreaterThan(0);
    for (const example of operator.examples) expectExample(example);
  },
);

describe.each(recipes)('$title', ({ formulas, holds, example }) => {
  test('has a right example', () => {
    expectExample(example);
  });

  test.each(formulas)('$name gives points', ({ formula }) => {
    expect(points(formula, market).length).toBeGreaterThan(0);
  });

  test.each(holds)('%s is 1 at every point', (formula) => {
    const got = points(formula, market);
    expect(got.length).toBeGreaterThan(0);
    expect(got.filter(([, value]) => value !== 1)).toEqual([]);
  });
});

test('the document has a section for each operator and each recipe, each once', () => {
  const sections = document.split('\n').filter((line) => line.startsWith('### '));
  const expected = [
    ...operators.map((each) => `### \`${signatureOf(each)}\``),
    ...recipes.map((each) => `### ${each.title}`),
  ];
  expect([...sections].sort()).toEqual(expected.sort());
});

test('the document says of each parameter what it means, and shows each example and each formula', () => {
  for (const { parameters, warmUp, missing, examples, notes = [] } of operators) {
    for (const note of notes) expect(document).toContain(`_Note:_ ${note}\n`);
    for (const { meaning } of parameters) expect(document).toContain(`| ${meaning} |`);
    expect(document).toContain(`_Start:_ ${warmUp}`);
    expect(document).toContain(`_No point:_ ${missing}`);
    for (const { formula } of examples) expect(document).toContain(`| \`${formula}\` |`);
  }
  for (const { formulas } of recipes) for (const { formula } of formulas) expect(document).toContain(`\`${formula}\``);
});

test.each(operators.flatMap(({ name, notes = [] }) => notes.map((note) => ({ name, note }))))(
  'a note of $name quotes formulas that are accepted: $note',
  ({ note }) => {
    const quoted = [...note.matchAll(/`([^`]+)`/g)].map(([, text]) => text);
    for (const text of quoted.filter((each) => !byName.has(each) && each !== 'explain' && each !== 'span'))
      expect(() => parseFormula(text, byName), text).not.toThrow();
  },
);

test('of two series over a window, a lone point counts: the section says so, and an example shows it', () => {
  const examples = operators.filter(({ group }) => group === 'pair').flatMap((each) => each.examples);
  const lone = examples.filter(({ inputs: { X, Y }, output }) => {
    const instants = [X, Y].map((points) => points.map(([t]) => t));
    return output.some(([t]) => instants.filter((each) => each.includes(t)).length === 1);
  });
  expect(lone.length).toBeGreaterThan(0);
  const [, section] = document.split('## Over a window, of two series\n');
  expect(section.trim().split('\n')[0]).toContain('wherever either input has one');
});

test('the rows of a table have as many cells as its head', () => {
  const cells = (line: string) => line.replaceAll('\\|', '').split('|').length;
  const lines = document.split('\n');
  lines.forEach((line, i) => {
    if (line.startsWith('|') && lines[i - 1].startsWith('|')) expect(cells(line), line).toBe(cells(lines[i - 1]));
  });
});

test('the document does not depend on when or how often it is made', () => {
  expect(formulasDocument(operators)).toBe(document);
  expect(document.endsWith('|\n')).toBe(true);
});

test.each([
  ['-X ^ 2', '-(X ^ 2)'],
  ['2 ^ -1 * X', '(2 ^ (-1)) * X'],
  ['not X > Y and X', '(not (X > Y)) and X'],
])('%s is read as the introduction says: %s', (formula, same) => {
  expect(points(formula, market)).toEqual(points(same, market));
});
