// The client's own operations with the types that schema.graphql gives them. Called by check-drift.js.
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
  Kind,
  parse,
  print,
  typeFromAST,
  validate,
} from 'graphql';

const given = { Instant: 'number | string' };
const scalars = {
  Boolean: 'boolean',
  Duration: 'string',
  Float: 'number',
  ID: 'string',
  Instant: 'string',
  Int: 'number',
  Long: 'number',
  Millis: 'number',
  Revision: 'number',
  String: 'string',
};

function nullable(type, write, nothing) {
  if (isNonNullType(type)) return solid(type.ofType, write, nothing);
  return `${solid(type, write, nothing)} | ${nothing}`;
}

function solid(type, write, nothing) {
  if (!isListType(type)) return write(type);
  const item = nullable(type.ofType, write, nothing);
  return `readonly ${item.includes('|') ? `(${item})` : item}[]`;
}

function leaf(type, names) {
  if (isEnumType(type))
    return type
      .getValues()
      .map(({ name }) => `'${name}'`)
      .join(' | ');
  const written = isScalarType(type) && names[type.name];
  if (!written) throw new Error(`scripts/client-operations.js does not know how ${type.name} is written`);
  return written;
}

function inputType(type) {
  if (!isInputObjectType(type)) return leaf(type, { ...scalars, ...given });
  const fields = Object.values(type.getFields()).map((field) => {
    const optional = !isNonNullType(field.type) || field.defaultValue !== undefined;
    return `readonly ${field.name}${optional ? '?' : ''}: ${nullable(field.type, inputType, optional ? 'null | undefined' : 'null')};`;
  });
  return `{ ${fields.join(' ')} }`;
}

function outputType(type, selections) {
  if (!selections) return leaf(type, scalars);
  const fields = selections.selections.map((selection) => {
    if (selection.kind !== Kind.FIELD) throw new Error('the operations of the client have no fragments');
    const field = type.getFields()[selection.name.value];
    const written = nullable(field.type, (inner) => outputType(getNamedType(inner), selection.selectionSet), 'null');
    return `readonly ${(selection.alias ?? selection.name).value}: ${written};`;
  });
  return `{ ${fields.join(' ')} }`;
}

function variablesType(schema, definition) {
  const fields = definition.variableDefinitions.map((each) => {
    const type = typeFromAST(schema, each.type);
    return `readonly ${each.variable.name.value}${isNonNullType(type) ? '' : '?'}: ${nullable(type, inputType, 'null | undefined')};`;
  });
  return `{ ${fields.join(' ')} }`;
}

/** The text of src/client/operations.ts, not yet formatted. */
export function clientOperations() {
  const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
  const document = parse(readFileSync('src/client/operations.graphql', 'utf8'));
  const [problem] = validate(schema, document);
  if (problem) throw new Error(`src/client/operations.graphql: ${problem.message}`);
  const parts = document.definitions.map((definition) => {
    const name = definition.name.value;
    const constant = `${name[0].toLowerCase()}${name.slice(1)}Document`;
    const root = schema.getRootType(definition.operation);
    // Over a socket, white space is paid for with every operation.
    const text = print(definition).replace(/\s+/g, ' ');
    return `export type ${name}Variables = ${variablesType(schema, definition)};

export type ${name}Data = ${outputType(root, definition.selectionSet)};

export const ${constant}: Operation<${name}Data, ${name}Variables> = '${text}';
`;
  });
  return `// Written by 'npm run generate' from operations.graphql and schema.graphql.
import type { Operation } from './operation.ts';

${parts.join('\n')}`;
}
