import { formatDuration } from '../duration.ts';
import { reservedWords } from '../formula/key.ts';
import { infixes, level } from '../formula/precedence.ts';
import { signatureOf, wantedFor } from '../formula/signature.ts';
import type { Argument, Example, Operator, Parameter } from '../operator.ts';
import { type Recipe, recipes } from './recipes.ts';

type Group = Operator['group'];

const groups: Readonly<Record<Group, { readonly title: string; readonly text: string }>> = {
  arithmetic: {
    title: 'At one instant',
    text: 'Their points stand wherever an input has one; every input counts as last known there. Truth is 1, falsehood 0.',
  },
  window: {
    title: 'Over a window',
    text: 'Their points stand at those of the input. A window is (t - window, t], or the last n points, t included.',
  },
  pair: {
    title: 'Over a window, of two series',
    text: 'Their points stand wherever either input has one, from where both are known on: a lone point counts, with the other as last known.',
  },
  recursive: {
    title: 'Recursive',
    text: 'Each value depends on all the points before it. How they begin is a part of their meaning.',
  },
  shift: { title: 'Shifts and changes', text: 'What was, seen from each point of the input.' },
  join: { title: 'Joins', text: 'For series that do not tick at the same instants, or that may fall silent.' },
  bucket: {
    title: 'Buckets of time',
    text: 'One point for each bucket [k * width, (k + 1) * width) that holds points, k counted from 1970-01-01T00:00:00Z. It stands at the start of the bucket.',
  },
};

/** The text of docs/formulas.md: the language, and the declaration of each operator. */
export function formulasDocument(operators: readonly Operator[]): string {
  const blocks = [...introduction];
  for (const [group, { title, text }] of Object.entries(groups)) {
    const members = operators.filter((operator) => operator.group === group);
    if (members.length > 0) blocks.push(`## ${title}`, text, ...members.flatMap(operatorBlocks));
  }
  blocks.push('## Recipes', recipesText, ...recipes.flatMap(recipeBlocks));
  return `${blocks.join('\n\n')}\n`;
}

function operatorBlocks(operator: Operator): string[] {
  const { meaning, parameters, warmUp, missing, examples, notes = [] } = operator;
  const rows = parameters.map((each) => [`\`${each.name}\``, kindOf(each), fallbackOf(each), each.meaning]);
  return [
    `### \`${signatureOf(operator)}\``,
    meaning,
    table(['parameter', 'what', 'if left out', 'meaning'], rows),
    `_Start:_ ${warmUp}`,
    `_No point:_ ${missing}`,
    ...notes.map((note) => `_Note:_ ${note}`),
    ...examples.map(exampleTable),
  ];
}

function kindOf(parameter: Parameter): string {
  const { min, max, aboveMin, repeats, type } = parameter;
  const unit = type === 'window' ? ' points' : '';
  const bounds = [
    ...(min === undefined ? [] : [`${aboveMin ? 'above' : 'at least'} ${min}${min === 1 ? unit.slice(0, -1) : unit}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
  ];
  const wanted = wantedFor(parameter)
    .map((each) => (type === 'word' ? `\`${each}\`` : each))
    .join(' or ');
  return [wanted, ...bounds, ...(repeats ? ['again and again'] : [])].join(', ');
}

function fallbackOf({ optional, fallback, type }: Parameter): string {
  if (!optional) return '';
  return fallback === undefined ? 'none' : `\`${argumentText(fallback, type)}\``;
}

function argumentText(argument: Argument, type: Parameter['type']): string {
  if (typeof argument === 'object')
    return 'points' in argument ? `${argument.points}p` : formatDuration(argument.micros);
  return type === 'duration' ? formatDuration(argument as number) : String(argument);
}

/** One row per instant of an input or the output, in seconds. */
function exampleTable({ formula, inputs, output }: Example): string {
  const columns: { readonly title: string; readonly at: ReadonlyMap<number, number | undefined> }[] = [];
  for (const [key, points] of Object.entries(inputs)) {
    columns.push({ title: key, at: new Map(points.map(([t, value]) => [t, value])) });
    if (points.some((point) => point.length === 3)) {
      columns.push({ title: `size of ${key}`, at: new Map(points.map(([t, , size]) => [t, size])) });
    }
  }
  columns.push({ title: `\`${formula}\``, at: new Map(output) });
  const instants = [...new Set(columns.flatMap(({ at }) => [...at.keys()]))].sort((a, b) => a - b);
  return table(
    ['second', ...columns.map(({ title }) => title)],
    instants.map((t) => [String(t), ...columns.map(({ at }) => String(at.get(t) ?? ''))]),
  );
}

function recipeBlocks({ title, text, formulas, example }: Recipe): string[] {
  const rows = formulas.map(({ name, formula }) => [name, `\`${formula}\``]);
  return [`### ${title}`, text, table(['series', 'formula'], rows), exampleTable(example)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function precedenceTable(): string {
  const rows = Object.values(level)
    .filter((each) => each !== level.atom)
    .sort((a, b) => b - a)
    .map((each) => {
      const infix = [...infixes].filter(([, { level: own }]) => own === each);
      const signs = infix.map(([sign]) => `\`${sign}\``);
      const prefix = each === level.not ? 'not' : '-';
      const row = infix[0]?.[1].groups;
      return infix.length === 0
        ? [`\`${prefix} x\``, 'stands before one value']
        : [signs.join(' '), row === 'none' ? 'cannot stand in a row' : `from the ${row}`];
    });
  return table(['from the tightest', 'several in a row'], rows);
}

const recipesText =
  'X, Y and Z stand for the keys of any series, which in the recipes with sizes carry them. Each formula is a series of its own.';

const introduction: readonly string[] = [
  '# Formulas',
  '_Generated from the code by `npm run generate`: what stands here is what is parsed, computed and tested._',
  'A formula says what a derived series is: `ema(BTC-USD, 12) - ema(BTC-USD, 26)`. Its value at an instant depends on the points of the series that it names and on nothing else: a computation from the beginning, or from a correction on, gives the same bits.',
  '## The language',
  `**Series** are named by their keys. A key that is a letter and then letters, digits, \`_\`, \`.\`, or \`-\` between two of them is written as it is: \`BTC-USD\`. So a difference is spaced: \`A - B\`. Any other key stands in single quotes: \`'BTC/USDT'\`, and so does one of the words ${[...reservedWords].map((word) => `\`${word}\``).join(', ')}. Whether a series exists plays no part in how a formula is read.`,
  '**Numbers** are decimal: `2`, `0.5`, `1e-6`. A number can stand for a series; it is that number at every instant. A formula names at least one series.',
  '**Durations** carry a unit: `250ms`, `90s`, `5m`, `24h`, `7d`, `2w` (and `us`). Months and years have no length of their own, so there are none. **Points** are counted as `20p`. A window is either of them: a bare number there is refused.',
  '**Arguments** stand in the order of the parameters, or carry a name: `ema(BTC-USD, halflife: 20)`. Once one has a name, so have those behind it.',
  '**Precedence** is as usual:',
  precedenceTable(),
  'So `-x ^ 2` is `-(x ^ 2)`, `2 ^ -1` needs no parentheses, and `not a > b and c` is `(not (a > b)) and c`.',
  '## What a value is made of',
  '**Where points stand.** Operators on one series have a point where that has one. Of several series the instants are united: where any of them has a point, each counts as last known. Points at the very same instant count together, once. As long as one is not known at all there is no point. `asof` takes the instants of one series only, and bounds the age of what is last known.',
  '**Where there is no point.** Where nothing can be said there is no point: no zero, no NaN, no infinity. That is so for a division by 0, a logarithm of 0, whatever is too large for a double, and `if` without `else` where its condition is 0. A part that can have no value whatever the data, as `X / 0`, is refused. What is computed from it goes on with the last point before; a window does not count it.',
  '**Windows** are open at their beginning: `mean(x, 60s)` at t is of the points in (t - 60s, t]. They are what they are from the first point on; a window of 20p needs 20 points and gives none before.',
  '**Buckets** stand at their start: the point of `high(x, 1d)` at midnight is the highest of the day that begins then, so it knows what comes later, and the last one changes while ticks come. What was known at an instant is a bucket shifted by its width: `lag(high(x, 1d), 1d)`. A bucket without points has none.',
  '**Corrections.** A late tick or a correction changes later points too, and each changed point is computed, written and sent to subscribers again. The cost depends on the operator: a window forgets a correction when it has passed, `ema`, `wilder` and `rsi` forget it after some hundred points, `cumsum` never does.',
  '**Sizes** belong to ticks, not to what is computed from them: an operator that needs sizes takes the key of a series. `size(BTC-USD)` is a series of its own, with a point at each tick that has a size.',
  '**Arithmetic** is that of doubles, with no tolerance in comparisons. Sums over windows and buckets are exact and rounded once. `-0` is 0.',
];
