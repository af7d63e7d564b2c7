import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { builder } from './builder.ts';
import { withColumns } from './columns.ts';
import './scalars.ts';
import './series.ts';
import './derived.ts';
import './queries.ts';
import './operators.ts';
import './explanation.ts';
import './import-types.ts';
import './import-mutations.ts';
import './mutations.ts';
import './subscriptions.ts';

export interface Schemas {
  /** The schema that clients see: printed, introspected, validated against. */
  readonly visible: GraphQLSchema;
  /** The same with columns as single values, used only for execution. */
  readonly executable: GraphQLSchema;
}

export function buildSchemas(): Schemas {
  const options = { sortSchema: false };
  return { visible: builder.toSchema(options), executable: withColumns(builder.toSchema(options)) };
}

/** schema.graphql */
export function printedSchema(): string {
  return `${printSchema(lexicographicSortSchema(buildSchemas().visible))}\n`;
}
