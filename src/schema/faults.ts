import {
  type ASTNode,
  coerceInputValue,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  isInputType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
  visit,
} from 'graphql';
import { Fault, type FaultCode, type InputPath } from '../engine/fault.ts';
import { asFault } from '../store/retry.ts';

/** Receives internal errors with their cause and the id of the request, if there is one. The client only learns that one occurred. */
export type Report = (error: unknown, requestId?: string) => void;

const messageCharsMax = 500;

function coded(
  message: string,
  code: FaultCode,
  extensions: Record<string, unknown>,
  from?: GraphQLError,
): GraphQLError {
  // graphql-js quotes the whole input, whatever its length.
  const short = message.length > messageCharsMax ? `${message.slice(0, messageCharsMax)}…` : message;
  return new GraphQLError(short, {
    nodes: from?.nodes ?? null,
    source: from?.source ?? null,
    positions: from?.positions ?? null,
    path: from?.path ?? null,
    extensions: { code, ...extensions },
  });
}

/** Converts an error into the one that the client sees. This is the only such place. */
export function toClientError(error: GraphQLError, report: Report, requestId?: string): GraphQLError {
  const cause = asFault(error.originalError ?? error);
  if (cause instanceof Fault) {
    const place = cause.inputPath ? { inputPath: cause.inputPath } : {};
    return coded(cause.message, cause.code, { ...place, ...cause.details }, error);
  }
  // An invalid value from a resolver is reported at its field. It is an error of the server, not of the client.
  const ours = error.originalError !== undefined && error.nodes?.[0]?.kind === Kind.FIELD && !error.extensions.place;
  if (!ours && cause instanceof GraphQLError && (cause.originalError === undefined || cause.originalError === cause)) {
    const code = error.extensions.code as FaultCode | undefined;
    return coded(error.message, code ?? 'BAD_USER_INPUT', error.extensions, error);
  }
  report(cause, requestId);
  return new GraphQLError('Something went wrong in the server; it has been logged.', {
    nodes: error.nodes ?? null,
    path: error.path ?? null,
    extensions: { code: 'INTERNAL' },
  });
}

/** The path of a node within the arguments of a field: ['input', 'ticks', 3, 't']. */
function inputPathOf(document: DocumentNode, wanted: ASTNode): InputPath | undefined {
  let found: InputPath | undefined;
  visit(document, {
    enter(node, _key, parent, _path, ancestors) {
      if (node !== wanted || found) return undefined;
      const path: (string | number)[] = [];
      // The ancestors that `visit` passes do not include the parent.
      const chain = [...ancestors, ...(parent ? [parent] : []), node];
      chain.forEach((each, i) => {
        if (Array.isArray(each)) {
          const owner = chain[i - 1];
          const inList = owner !== undefined && 'kind' in owner && owner.kind === Kind.LIST;
          if (inList) path.push(each.indexOf(chain[i + 1]));
        } else if ('kind' in each) {
          if (each.kind === Kind.FIELD || each.kind === Kind.DIRECTIVE) path.length = 0;
          if (each.kind === Kind.ARGUMENT || each.kind === Kind.OBJECT_FIELD) path.push(each.name.value);
        }
      });
      found = path.length > 0 ? path : undefined;
      return undefined;
    },
  });
  return found;
}

function usageOf(document: DocumentNode, name: string): InputPath | undefined {
  let path: InputPath | undefined;
  visit(document, {
    Variable(node, key) {
      // The definition of a variable also contains it; its key there is 'variable'.
      if (node.name.value === name && key !== 'variable') path ??= inputPathOf(document, node);
    },
  });
  return path;
}

const errorsShownMax = 20;

/** The errors of variables that could not be coerced, each with its path in the arguments that use the variable. */
export function variableFaults(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError[] {
  const errors: GraphQLError[] = [];
  const add = (message: string, node: ASTNode, path: InputPath) => {
    if (errors.length < errorsShownMax)
      errors.push(coded(message, 'BAD_USER_INPUT', { inputPath: path }, new GraphQLError(message, { nodes: node })));
  };
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const start = usageOf(document, name) ?? [name];
    const type = typeFromAST(schema, definition.type as never);
    if (!isInputType(type)) continue;
    const given = variables[name];
    if (given === undefined && (definition.defaultValue || definition.type.kind !== Kind.NON_NULL_TYPE)) continue;
    if (given === undefined) {
      add(`The variable $${name} is missing.`, definition, start);
      continue;
    }
    coerceInputValue(given, type, (path, _, error) => {
      const place = (error.originalError instanceof GraphQLError ? error.originalError : error).extensions.place as
        | InputPath
        | undefined;
      add(error.message, definition, [...start, ...path, ...(place ?? [])]);
    });
  }
  return errors;
}

/** A validation error with the path of the invalid value. */
export function validationFault(document: DocumentNode, error: GraphQLError): GraphQLError {
  const node = error.nodes?.[0];
  const path = node && inputPathOf(document, node);
  return coded(error.message, 'BAD_USER_INPUT', path ? { inputPath: path } : {}, error);
}
