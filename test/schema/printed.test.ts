import { readFileSync } from 'node:fs';
import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql';
import { expect, it } from 'vitest';
import { buildSchemas, printedSchema } from '../../src/schema/schema.ts';

const { visible, executable } = buildSchemas();

/** Everything that can carry a description, by the place where it stands. */
function* described(): Generator<[place: string, description: string | null | undefined]> {
  for (const type of Object.values(visible.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    yield [type.name, type.description];
    if (isEnumType(type)) for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value.description];
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) yield [`${type.name}.${field.name}`, field.description];
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field.description];
      for (const arg of field.args) yield [`${type.name}.${field.name}(${arg.name}:)`, arg.description];
    }
  }
}

it('every type, field, argument, enum value and input field is described', () => {
  const all = [...described()];
  expect(all.length).toBeGreaterThan(100);
  expect(all.filter(([, description]) => !description?.trim()).map(([place]) => place)).toEqual([]);
});

it('a description is a sentence: it begins with a capital or a quoted word and ends with a full stop', () => {
  const odd = [...described()].filter(
    ([, text]) => text && !/^['A-Z0-9][\s\S]*[.)]$/.test(text) && !/^[a-z]+ or /.test(text),
  );
  expect(odd.map(([place]) => place)).toEqual([]);
});

it('what a number counts is said: places of a formula in UTF-16 units, the least window in points', () => {
  const text = new Map(described());
  for (const place of ['DefineSeriesInput.formula', 'Query.evaluate(formula:)'])
    expect(text.get(place)).toContain('line and column from 1 on, and length, in UTF-16 units');
  expect(text.get('OperatorParameter.min')).toContain('Of a window: in points');
});

it('schema.graphql is what the code prints (else: npm run generate)', () => {
  expect(readFileSync('schema.graphql', 'utf8')).toBe(printedSchema());
});

it('the schema that executes differs from the one that is printed in its columns alone', () => {
  const changed: string[] = [];
  for (const [name, type] of Object.entries(visible.getTypeMap())) {
    const other = executable.getType(name);
    if (!(isObjectType(type) || isInputObjectType(type)) || isIntrospectionType(type)) continue;
    if (!(isObjectType(other) || isInputObjectType(other))) throw new Error(`${name} is not there`);
    for (const [field, { type: shown }] of Object.entries(type.getFields()))
      if (String(other.getFields()[field].type) !== String(shown)) changed.push(`${name}.${field}`);
  }
  expect(changed.sort()).toEqual([
    'IngestColumnInput.size',
    'IngestColumnInput.t',
    'IngestColumnInput.value',
    'IngestTicksInput.ticks',
    'Samples.size',
    'Samples.t',
    'Samples.value',
  ]);
});
