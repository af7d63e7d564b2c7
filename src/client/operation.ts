/**
 * A document with the types of its variables and its answer: a plain string, or the output of GraphQL Code Generator
 * with `documentMode: 'string'`.
 */
export interface Operation<Data, Variables> {
  toString(): string;
  readonly __apiType?: (variables: Variables) => Data;
}
