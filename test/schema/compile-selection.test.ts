import fc from 'fast-check';
import { type ExecutionResult, execute, getOperationAST, parse, validate } from 'graphql';
import { expect, it } from 'vitest';
import { everything } from '../../src/engine/ranges.ts';
import type { Context } from '../../src/schema/builder.ts';
import { compileEventWriter } from '../../src/schema/compile-selection.ts';
import { buildSchemas } from '../../src/schema/schema.ts';

const { visible, executable: schema } = buildSchemas();
const context = {} as Context;

type Selection = fc.Arbitrary<string>;

/** Fields in any order and number, under other names, in fragments, with directives. */
function selectionOf(fields: Readonly<Record<string, Selection | undefined>>, type: string): Selection {
  const field = fc
    .constantFrom(...Object.keys(fields))
    .chain((name) =>
      fc
        .tuple(
          fc.option(fc.constantFrom(`${name}A`, `${name}B`), { nil: undefined }),
          fc.constantFrom('', '', '', '@skip(if: $yes)', '@include(if: $yes)', '@skip(if: $no) @include(if: $yes)'),
          fields[name] ?? fc.constant(''),
        )
        .map(([alias, directive, inner]) => `${alias ? `${alias}: ` : ''}${name} ${directive} ${inner}`),
    );
  const wrapped = fc.oneof(
    { weight: 6, arbitrary: field },
    { weight: 1, arbitrary: fc.constant('__typename') },
    { weight: 1, arbitrary: field.map((inner) => `... { ${inner} }`) },
    { weight: 1, arbitrary: field.map((inner) => `... on ${type} @include(if: $no) { ${inner} }`) },
    { weight: 1, arbitrary: field.map((inner) => `... on ${type} { ${inner} ${inner} }`) },
    { weight: 1, arbitrary: fc.constant(`...of${type}`) },
  );
  return fc.array(wrapped, { minLength: 1, maxLength: 6 }).map((parts) => `{ ${parts.join(' ')} }`);
}

const span = selectionOf({ from: undefined, to: undefined }, 'Span');
const samples = selectionOf(
  { t: undefined, value: undefined, size: undefined, revision: undefined, thinned: undefined },
  'Samples',
);
const change = selectionOf({ series: undefined, span, points: samples, truncated: undefined }, 'SeriesChange');
const changes = selectionOf({ kind: undefined, cursor: undefined, reason: undefined, changes: change }, 'ChangeEvent');

const fragments = `
  fragment ofSpan on Span { to ...again } fragment again on Span { __typename from }
  fragment ofSamples on Samples { value size } fragment ofSeriesChange on SeriesChange { truncated span { ...ofSpan } }
  fragment ofChangeEvent on ChangeEvent { reason changes { series } }`;

const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1e300, 0.1));
const instant = fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 });
const seriesChange = fc.record({
  series: fc.string(),
  span: fc.record({
    from: fc.oneof(instant, fc.constant(everything.from)),
    to: fc.oneof(instant, fc.constant(everything.to)),
  }),
  samples: fc
    .array(fc.tuple(instant, number, fc.option(number, { nil: Number.NaN })), { maxLength: 5 })
    .chain((points) =>
      fc.boolean().map((sized) => ({
        t: Float64Array.from(points, ([t]) => t),
        value: Float64Array.from(points, ([, value]) => value),
        size: sized ? Float64Array.from(points, ([, , size]) => size) : undefined,
        thinned: false,
        revision: points.length,
      })),
    ),
  truncated: fc.boolean(),
});
const event = fc.record({
  kind: fc.constantFrom('SNAPSHOT', 'CHANGE', 'PROGRESS'),
  cursor: fc.nat(),
  changes: fc.array(seriesChange, { maxLength: 3 }),
  reason: fc.option(fc.string()),
});

it('the JSON of an event is what graphql-js makes of it, whatever was selected', () => {
  let compiledOnes = 0;
  fc.assert(
    fc.property(changes, event, (selection, told) => {
      const query = `subscription ($yes: Boolean! = true, $no: Boolean!) { it: changes(series: ["A"]) ${selection} }`;
      const named = fragments.split(/(?=fragment )/).map((text) => text.trim());
      const used = (text: string): string[] =>
        named.filter((fragment) => text.includes(`...${/fragment (\w+)/.exec(fragment)?.[1] ?? '?'}`));
      const direct = used(query);
      const all = [...new Set([...direct, ...used(direct.join(' ')), ...used(used(direct.join(' ')).join(' '))])];
      const document = parse([query, ...all].join('\n'));
      const operation = getOperationAST(document);
      // Two fields of one name that are not the same are refused, as are fields that nothing is asked of.
      fc.pre(
        operation != null &&
          validate(visible, document).filter(({ message }) => !/never used/.test(message)).length === 0,
      );
      if (!operation) return;
      const variables = { no: false };
      const compiled = compileEventWriter(schema, document, operation, variables);
      expect(compiled).toBeDefined();
      compiledOnes++;
      const result = execute({ schema, document, rootValue: told, contextValue: context, variableValues: variables });
      expect(compiled?.(told, context)).toBe(JSON.stringify(result as ExecutionResult));
    }),
    { numRuns: 500 },
  );
  expect(compiledOnes).toBeGreaterThan(400);
});

it('what cannot be told as it is, graphql-js is left to say: a value that is not finite, a missing one', () => {
  const document = parse('subscription { changes(series: ["A"]) { cursor changes { series } } }');
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  const compiled = compileEventWriter(schema, document, operation, {});
  const told = { kind: 'CHANGE', cursor: 1, changes: [{ series: 'A' }], reason: null };
  expect(compiled?.(told, context)).toBe('{"data":{"changes":{"cursor":1,"changes":[{"series":"A"}]}}}');
  expect(() => compiled?.({ ...told, changes: [{ series: null }] }, context)).toThrow();
  expect(() => compiled?.({ ...told, cursor: undefined }, context)).toThrow();
});

it.each([
  'subscription { latest(series: ["A"]) { cursor values { series point { t value size revision } } } }',
  'subscription { candleChanges(series: "A", interval: "1m") { kind cursor reason changes { span { from to } candles { t open high low close final } truncated } } }',
])('all subscriptions are told so: %s', (query) => {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  expect(validate(visible, document)).toEqual([]);
  expect(compileEventWriter(schema, document, operation, {})).toBeDefined();
});
