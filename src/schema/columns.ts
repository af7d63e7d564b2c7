import {
  GraphQLError,
  GraphQLInputObjectType,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  type GraphQLSchema,
  Kind,
  type ValueNode,
} from 'graphql';
import { instantMicros, instantProblem, toMillis } from '../engine/instant.ts';
import { type InstantArgument, InvalidInstant } from './instant-argument.ts';
import { parseInstant } from './scalars.ts';

/**
 * Lists of numbers as one value. graphql-js completes and coerces a list item by item, each with its path: for 10,000
 * points that costs more than everything else together. So the executed schema has a scalar for the whole list in the
 * places below; the schema that is printed, introspected and validated against has the list.
 */

/** The position of an error in a column. The path of the column goes before it. */
function faultAt(place: readonly (string | number)[], message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { place } });
}

type Variables = { readonly [name: string]: unknown } | null | undefined;

/** Items of a variable were already coerced. */
class Coerced {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

function fromLiteral(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.VARIABLE:
      return new Coerced(variables?.[node.name.value]);
    case Kind.LIST:
      return node.values.map((value) => fromLiteral(value, variables));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, fromLiteral(field.value, variables)]));
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.NULL:
      return null;
    default:
      return node.value;
  }
}

function inputColumn<T>(name: string, parse: (list: readonly unknown[]) => T): GraphQLScalarType<T> {
  const parseList = (input: unknown) => parse(Array.isArray(input) ? input : [input]);
  return new GraphQLScalarType<T>({
    name,
    parseValue: parseList,
    parseLiteral: (node, variables) => parseList(fromLiteral(node, variables)),
  });
}

function outputColumn(name: string, toList: (column: Float64Array) => unknown): GraphQLScalarType {
  return new GraphQLScalarType({ name, serialize: (column) => toList(column as Float64Array) });
}

/** The instants of a column: NaN for an invalid one, with the reason. */
export interface InstantColumn {
  readonly t: Float64Array;
  readonly bad: Map<number, string>;
}

function parseInstants(list: readonly unknown[]): InstantColumn {
  const t = new Float64Array(list.length);
  const bad = new Map<number, string>();
  for (let i = 0; i < list.length; i++) t[i] = instantAt(list[i], i, bad, [i]);
  return { t, bad };
}

function instantAt(raw: unknown, i: number, bad: Map<number, string>, place: readonly (string | number)[]): number {
  if (typeof raw === 'number' || typeof raw === 'string') {
    const micros = instantMicros(raw);
    if (Number.isNaN(micros)) bad.set(i, instantProblem(raw));
    return micros;
  }
  const given = raw instanceof Coerced ? (raw.value as InstantArgument) : notAnInstant(raw, place);
  if (!(given instanceof InvalidInstant)) return given;
  bad.set(i, given.problem);
  return Number.NaN;
}

function notAnInstant(raw: unknown, place: readonly (string | number)[]): InstantArgument {
  try {
    return parseInstant(raw);
  } catch (error) {
    throw faultAt(place, error instanceof Error ? error.message : 'Not an instant.');
  }
}

/** A value must be finite; -0 becomes 0. */
function numberAt(raw: unknown, place: readonly (string | number)[]): number {
  const value = raw instanceof Coerced ? raw.value : raw;
  if (typeof value !== 'number') throw faultAt(place, notANumber(value));
  if (!Number.isFinite(value)) throw faultAt(place, 'A value must be finite; NaN and infinite ones cannot be held.');
  return value + 0;
}

function notANumber(value: unknown): string {
  if (typeof value === 'string') {
    const quoted = `the text '${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
    const isDecimal = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value);
    return `Not a number: ${quoted}.${isDecimal ? ' Send it without quotes.' : ''}`;
  }
  return `Not a number: ${typeof value === 'object' ? 'null, a list or an object' : String(value).slice(0, 40)}.`;
}

function isNothing(raw: unknown): boolean {
  return raw == null || (raw instanceof Coerced && raw.value == null);
}

function parseNumbers(list: readonly unknown[]): Float64Array {
  const column = new Float64Array(list.length);
  for (let i = 0; i < list.length; i++) column[i] = numberAt(list[i], [i]);
  return column;
}

function parseSizes(list: readonly unknown[]): Float64Array {
  const column = new Float64Array(list.length);
  for (let i = 0; i < list.length; i++) column[i] = isNothing(list[i]) ? Number.NaN : numberAt(list[i], [i]);
  return column;
}

/** The ticks of a call, column by column. */
export interface TickArgument extends InstantColumn {
  readonly series: readonly string[];
  readonly value: Float64Array;
  readonly size: Float64Array | undefined;
}

const tickFields = new Set(['series', 't', 'value', 'size']);

function parseTicks(list: readonly unknown[]): TickArgument {
  const t = new Float64Array(list.length);
  const value = new Float64Array(list.length);
  const bad = new Map<number, string>();
  const series: string[] = new Array(list.length);
  let size: Float64Array | undefined;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] instanceof Coerced ? (list[i] as Coerced).value : list[i];
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw faultAt([i], 'A tick is an object { series, t, value, size }.');
    const tick = item as Record<string, unknown>;
    for (const field in tick)
      if (!tickFields.has(field)) throw faultAt([i, field], 'A tick has only series, t, value and size.');
    const key = tick.series instanceof Coerced ? tick.series.value : tick.series;
    if (typeof key !== 'string') throw faultAt([i, 'series'], 'A tick needs the key of its series, a text.');
    series[i] = key;
    if (tick.t === undefined) throw faultAt([i, 't'], 'A tick needs t, its instant.');
    // The instant of a tick inside a variable was already coerced.
    t[i] = instantAt(
      list[i] instanceof Coerced || tick.t instanceof InvalidInstant ? new Coerced(tick.t) : tick.t,
      i,
      bad,
      [i, 't'],
    );
    if (tick.value === undefined) throw faultAt([i, 'value'], 'A tick needs a value.');
    value[i] = numberAt(tick.value, [i, 'value']);
    if (isNothing(tick.size)) continue;
    size ??= new Float64Array(list.length).fill(Number.NaN);
    size[i] = numberAt(tick.size, [i, 'size']);
  }
  return { series, t, bad, value, size };
}

/**
 * The argument values that resolvers get: whole columns from the executed schema, single items from a list variable.
 */
export function asInstants(given: unknown): InstantColumn {
  return Array.isArray(given) ? parseInstants(given.map((item) => new Coerced(item))) : (given as InstantColumn);
}

export function asNumbers(given: unknown): Float64Array {
  return Array.isArray(given) ? parseNumbers(given) : (given as Float64Array);
}

export function asSizes(given: unknown): Float64Array | undefined {
  if (given == null) return undefined;
  return Array.isArray(given) ? parseSizes(given) : (given as Float64Array);
}

export function asTicks(given: unknown): TickArgument {
  return Array.isArray(given) ? parseTicks(given.map((item) => new Coerced(item))) : (given as TickArgument);
}

const millis = outputColumn('MillisColumn', (column) => {
  const list = new Array<number>(column.length);
  for (let i = 0; i < list.length; i++) list[i] = toMillis(column[i]);
  return list;
});
const numbers = outputColumn('FloatColumn', (column) => {
  const list = new Array<number>(column.length);
  for (let i = 0; i < list.length; i++) list[i] = column[i];
  return list;
});
const sizes = outputColumn('SizeColumn', (column) => Array.from(column, (size) => (Number.isNaN(size) ? null : size)));

const swaps: readonly [type: string, field: string, scalar: GraphQLScalarType, required: boolean][] = [
  ['Samples', 't', millis, true],
  ['Samples', 'value', numbers, true],
  ['Samples', 'size', sizes, false],
  ['IngestColumnInput', 't', inputColumn('InstantColumnInput', parseInstants), true],
  ['IngestColumnInput', 'value', inputColumn('FloatColumnInput', parseNumbers), true],
  ['IngestColumnInput', 'size', inputColumn('SizeColumnInput', parseSizes), false],
  ['IngestTicksInput', 'ticks', inputColumn('TicksInput', parseTicks), true],
];

/** Replaces lists by column scalars in the schema that is only used for execution. */
export function withColumns(schema: GraphQLSchema): GraphQLSchema {
  for (const [typeName, fieldName, scalar, required] of swaps) {
    const type = schema.getType(typeName);
    const swapped = required ? new GraphQLNonNull(scalar) : scalar;
    if (type instanceof GraphQLObjectType) type.getFields()[fieldName].type = swapped;
    else if (type instanceof GraphQLInputObjectType) type.getFields()[fieldName].type = swapped;
    else throw new Error(`the schema has no type ${typeName} to put columns into`);
  }
  return schema;
}
