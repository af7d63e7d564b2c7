import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';
import { expect, it } from 'vitest';

/**
 * The part of the public contract that is served by now, copied from it. What stands here keeps its names, types and
 * defaults for ever; the printed schema may hold more.
 */
const contract = buildSchema(`
  scalar Instant
  scalar Millis
  scalar Duration
  scalar Revision
  scalar Long
  scalar File

  interface Node { id: ID! }
  input TimeRange { from: Instant, to: Instant }
  type Span { from: Millis, to: Millis }

  interface Series implements Node {
    id: ID!
    key: String!
    name: String
    unit: String
    tags: [String!]!
    revision: Revision!
    last(asOf: Revision): Point
    at(t: Instant!, maxAge: Duration, asOf: Revision): Point
    points(range: TimeRange, first: Int, after: String, last: Int, before: String, asOf: Revision): PointConnection!
    samples(range: TimeRange, maxPoints: Int = 1000, bucket: Duration, method: SampleMethod = MINMAX, asOf: Revision): Samples!
    candles(interval: Duration!, range: TimeRange, last: Int, timeZone: String = "UTC", asOf: Revision): [Candle!]!
    diff(from: Revision!, to: Revision): [Span!]!
    versions(t: Instant!, first: Int = 100): [PointVersion!]!
    dependents: [Series!]!
  }
  type SourceSeries implements Node & Series {
    id: ID!
    key: String!
    name: String
    unit: String
    tags: [String!]!
    revision: Revision!
    last(asOf: Revision): Point
    at(t: Instant!, maxAge: Duration, asOf: Revision): Point
    points(range: TimeRange, first: Int, after: String, last: Int, before: String, asOf: Revision): PointConnection!
    samples(range: TimeRange, maxPoints: Int = 1000, bucket: Duration, method: SampleMethod = MINMAX, asOf: Revision): Samples!
    candles(interval: Duration!, range: TimeRange, last: Int, timeZone: String = "UTC", asOf: Revision): [Candle!]!
    diff(from: Revision!, to: Revision): [Span!]!
    versions(t: Instant!, first: Int = 100): [PointVersion!]!
    dependents: [Series!]!
  }
  type DerivedSeries implements Node & Series {
    id: ID!
    key: String!
    name: String
    unit: String
    tags: [String!]!
    revision: Revision!
    last(asOf: Revision): Point
    at(t: Instant!, maxAge: Duration, asOf: Revision): Point
    points(range: TimeRange, first: Int, after: String, last: Int, before: String, asOf: Revision): PointConnection!
    samples(range: TimeRange, maxPoints: Int = 1000, bucket: Duration, method: SampleMethod = MINMAX, asOf: Revision): Samples!
    candles(interval: Duration!, range: TimeRange, last: Int, timeZone: String = "UTC", asOf: Revision): [Candle!]!
    diff(from: Revision!, to: Revision): [Span!]!
    versions(t: Instant!, first: Int = 100): [PointVersion!]!
    dependents: [Series!]!
    formula(asOf: Revision): String!
    nextFormula: String
    inputs: [Series!]!
    status: DerivedStatus!
    progress: Float!
    pending: [Span!]!
    problem: String
  }
  enum DerivedStatus { LIVE CATCHING_UP FAILED }
  type Point { t: Instant!, value: Float!, size: Float, revision: Revision! }
  type PointVersion { value: Float, size: Float, commit: Commit! }
  type Commit { revision: Revision!, at: Instant!, note: String, import: Import }
  type Samples { t: [Millis!]!, value: [Float!]!, size: [Float], revision: Revision!, thinned: Boolean! }
  type Candle { t: Millis!, open: Float!, high: Float!, low: Float!, close: Float!, volume: Float, count: Int!, final: Boolean! }
  enum SampleMethod { MINMAX LAST MEAN }

  type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String, endCursor: String }
  type PointConnection { edges: [PointEdge!]!, nodes: [Point!]!, pageInfo: PageInfo! }
  type PointEdge { node: Point!, cursor: String! }
  type SeriesConnection { edges: [SeriesEdge!]!, nodes: [Series!]!, pageInfo: PageInfo! }
  type SeriesEdge { node: Series!, cursor: String! }
  enum SeriesKind { SOURCE DERIVED }
  type Health { subscribers: Int! }

  type Query {
    node(id: ID!): Node
    series(key: String!): Series
    seriesByKeys(keys: [String!]!): [Series]!
    allSeries(keyContains: String, tag: String, kind: SeriesKind, first: Int, after: String): SeriesConnection!
    evaluate(formula: String!, range: TimeRange, maxPoints: Int = 1000, asOf: Revision): Samples!
    operators: [Operator!]!
    explain(series: String!, t: Instant!, asOf: Revision): Explanation!
    revision: Revision!
    oldestRevision: Revision!
    settledRevision: Revision!
    commit(revision: Revision, at: Instant): Commit
    health: Health!
    import(id: ID!): Import
    imports(first: Int, after: String): ImportConnection!
  }

  type Operator { name: String! }
  type Explanation { value: Float }

  type Mutation {
    createSeries(input: CreateSeriesInput!): SourceSeries!
    defineSeries(input: DefineSeriesInput!): DerivedSeries!
    deleteSeries(key: String!): DeletedSeries!
    ingestTicks(input: IngestTicksInput!): IngestResult!
    ingestColumns(input: IngestColumnsInput!): IngestResult!
    deleteTicks(input: DeleteTicksInput!): IngestResult!
    importFile(file: File!, input: ImportInput): Import!
    createUpload(input: CreateUploadInput!): Upload!
    commitImport(id: ID!, input: ImportInput): Import!
    cancelImport(id: ID!): Import!
    undoImport(id: ID!): Import!
  }
  # What is left out of ImportInput is false, or in commitImport as it was before: so no default is declared.
  input ImportInput {
    columns: [ColumnInput!], series: String, format: ImportFormat, timeZone: String, createMissing: Boolean, partial: Boolean, previewOnly: Boolean, note: String
  }
  input ColumnInput { column: String!, role: ColumnRole!, series: String }
  enum ColumnRole { SERIES T VALUE SIZE IGNORE }
  enum ImportFormat { CSV NDJSON }
  input CreateUploadInput { filename: String!, size: Long!, sha256: String, import: ImportInput }
  type Upload { id: ID!, url: String!, offset: Long!, import: Import! }
  type Import implements Node {
    id: ID!
    filename: String!
    status: ImportStatus!
    rows: Long!
    accepted: Long!
    rejectedCount: Long!
    rejected(first: Int): [RejectedRow!]!
    fromRevision: Revision
    toRevision: Revision
    problem: String
    summary(groupBy: String!, of: String, fn: SummaryFn!): [SummaryGroup!]
  }
  enum ImportStatus { UPLOADING QUEUED PREVIEWED RUNNING DONE FAILED CANCELLED UNDONE }
  type RejectedRow { line: Long!, column: String, reason: String! }
  type ImportConnection { edges: [ImportEdge!]!, nodes: [Import!]!, pageInfo: PageInfo! }
  type ImportEdge { node: Import!, cursor: String! }
  enum SummaryFn { COUNT SHARE MEAN SUM MIN MAX MEDIAN }
  type SummaryGroup { group: String!, value: Float, count: Long! }
  input CreateSeriesInput { key: String!, name: String, unit: String, tags: [String!] }
  input DefineSeriesInput { key: String!, formula: String!, name: String, unit: String, tags: [String!], await: AwaitLevel = STORED }
  type DeletedSeries { id: ID!, revision: Revision! }
  input TickInput { series: String!, t: Instant!, value: Float!, size: Float }
  input IngestTicksInput {
    ticks: [TickInput!]!, createMissing: Boolean = false, partial: Boolean = false, note: String, idempotencyKey: String, await: AwaitLevel = STORED
  }
  input IngestColumnInput { series: String!, t: [Instant!]!, value: [Float!]!, size: [Float] }
  input IngestColumnsInput {
    columns: [IngestColumnInput!]!, createMissing: Boolean = false, partial: Boolean = false, note: String, idempotencyKey: String, await: AwaitLevel = STORED
  }
  input DeleteTicksInput { series: String!, from: Instant, to: Instant, at: [Instant!], note: String, idempotencyKey: String, await: AwaitLevel = STORED }
  enum AwaitLevel { STORED DERIVED }
  type IngestResult {
    accepted: Int!
    duplicates: Int!
    rejected: [RejectedTick!]!
    revision: Revision!
    derivedRevision: Revision
    settled: Boolean!
  }
  type RejectedTick { index: Int!, series: String!, reason: String! }

  type Subscription {
    changes(series: [String!]!, after: Revision, range: TimeRange, bucket: Duration): ChangeEvent!
    latest(series: [String!]!): LatestEvent!
    candleChanges(series: String!, interval: Duration!, timeZone: String = "UTC", after: Revision, range: TimeRange): CandleEvent!
    importProgress(id: ID!): Import!
  }
  enum ChangeKind { SNAPSHOT CHANGE PROGRESS }
  type ChangeEvent { kind: ChangeKind!, cursor: Revision!, changes: [SeriesChange!]!, reason: String }
  type SeriesChange { series: String!, span: Span!, points: Samples!, truncated: Boolean! }
  type CandleEvent { kind: ChangeKind!, cursor: Revision!, changes: [CandleChange!]!, reason: String }
  type CandleChange { span: Span!, candles: [Candle!]!, truncated: Boolean! }
  type LatestEvent { cursor: Revision!, values: [LatestValue!]! }
  type LatestValue { series: String!, point: Point }
`);

const input = (name: string, { type, defaultValue }: GraphQLArgument | GraphQLInputField) =>
  `${name}: ${type}${defaultValue === undefined ? '' : ` = ${JSON.stringify(defaultValue)}`}`;

/** What a type promises, a line each. */
function promises(type: GraphQLNamedType | undefined): string[] {
  if (!type) return [];
  const at = type.name;
  if (isScalarType(type)) return [`scalar ${at}`];
  if (isEnumType(type)) return type.getValues().map(({ name }) => `enum ${at}.${name}`);
  if (isInputObjectType(type))
    return Object.values(type.getFields()).map((field) => `input ${at}.${input(field.name, field)}`);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const kind = isObjectType(type) ? 'type' : 'interface';
  return [
    ...type.getInterfaces().map(({ name }) => `${kind} ${at} implements ${name}`),
    ...Object.values(type.getFields()).flatMap((field) => [
      `${kind} ${at}.${field.name}: ${field.type}`,
      ...field.args.map((arg) => `${kind} ${at}.${field.name}(${input(arg.name, arg)})`),
    ]),
  ];
}

function all(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap());
  return types.filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type)).flatMap(promises);
}

const served = buildSchema(readFileSync('schema.graphql', 'utf8'));

it('everything that the contract promises by now is served under the same name, type and default', () => {
  const found = new Set(all(served));
  expect(all(contract).filter((promise) => !found.has(promise))).toEqual([]);
});

it('nothing more must be given than the contract says', () => {
  const known = new Set(all(contract));
  const added = all(served).filter((promise) => !known.has(promise));
  expect(added.filter((promise) => /^input .*!$|\(.*!\)$/.test(promise))).toEqual([]);
});

it('where the contract lists every value or field of a result, there are no others', () => {
  const closed = [
    'Samples',
    'Candle',
    'Point',
    'Span',
    'RejectedTick',
    'SampleMethod',
    'ChangeKind',
    'DerivedStatus',
    'ChangeEvent',
    'SeriesChange',
    'ImportStatus',
    'RejectedRow',
    'SummaryFn',
    'SummaryGroup',
    'Upload',
  ];
  for (const name of closed)
    expect(promises(served.getType(name)).sort()).toEqual(promises(contract.getType(name)).sort());
});
