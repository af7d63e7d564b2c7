/**
 * A document that knows the types of its variables and of its answer: a plain string, or what GraphQL Code Generator
 * makes with `documentMode: 'string'`.
 */
export interface Operation<Data, Variables> {
  toString(): string;
  readonly __apiType?: (variables: Variables) => Data;
}
