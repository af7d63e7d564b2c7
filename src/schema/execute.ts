import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FloatValueNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  type IntValueNode,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  type SelectionSetNode,
  Source,
  specifiedRules,
  TokenKind,
  type ValidationRule,
  validate,
} from 'graphql';
import type { Flow, Member } from '../feed/flow.ts';
import type { FoldedEvent } from '../feed/followed.ts';
import { Following } from '../feed/following.ts';
import { hasEnded, ImportProgress, type Progress } from '../feed/import-progress.ts';
import type { ImportRow } from '../store/imports.ts';
import type { App } from './app.ts';
import type { Context } from './builder.ts';
import { compileEvents, isConditional, type Write } from './compiled.ts';
import { type Report, toClient, validationFault, variableFaults } from './faults.ts';
import { type Caller, nobody, Operation } from './operation.ts';
import type { Schemas } from './schema.ts';
import { Shared, sharingKey } from './sharing.ts';
import { Told } from './told.ts';

/** A document of more tokens, deeper nesting or more fields is refused before it costs anything. */
const tokensMax = 100_000;
const nestingMax = 60;
const definitionsMax = 200;
const fieldsMax = 1_000;

const cachedDocumentsMax = 1_000;
const cachedDocumentCharsMax = 20_000;

/** A document that was read and found valid, or why not. */
export interface Prepared {
  readonly document: DocumentNode | undefined;
  readonly errors: readonly GraphQLError[];
}

export interface Request {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

/** Who is sent the answers of a subscription. */
export interface Listener {
  ready(): Promise<void> | undefined;
  send(told: Told): void;
  end(result: ExecutionResult | undefined): void;
}

/** A subscription that was accepted. Whatever others follow as well is read and made ready once for all of them. */
export interface Accepted {
  /** Begins, behind `after` if that is given; returns how to leave. */
  join(listener: Listener, after?: number): () => void;
}

interface EventArguments {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: Context;
}

function refuse(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}

/** Counts tokens and nesting before the parser, which would follow any depth, sees them. */
function checkShape(source: Source): void {
  const lexer = new Lexer(source);
  let tokens = 0;
  let depth = 0;
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    if (++tokens > tokensMax) throw refuse(`The document has more than ${tokensMax} tokens; pass data as variables.`);
    if (token.kind === TokenKind.BRACE_L || token.kind === TokenKind.BRACKET_L || token.kind === TokenKind.PAREN_L)
      depth++;
    if (token.kind === TokenKind.BRACE_R || token.kind === TokenKind.BRACKET_R || token.kind === TokenKind.PAREN_R)
      depth--;
    if (depth > nestingMax) throw refuse(`The document is nested deeper than ${nestingMax} levels.`);
  }
}

/** graphql-js takes 1e999, and an integer of 400 digits, for an infinite Float. */
const finiteNumbers: ValidationRule = (context) => {
  const check = (node: FloatValueNode | IntValueNode) => {
    if (!Number.isFinite(Number(node.value)))
      context.reportError(
        new GraphQLError('A value must be finite; NaN and infinite ones cannot be held.', { nodes: node }),
      );
  };
  return { FloatValue: check, IntValue: check };
};

/** Left without its one field a subscription would be nothing; so the specification says since September 2025. */
const unconditionalSubscriptions: ValidationRule = (context) => ({
  OperationDefinition: ({ operation, selectionSet }) => {
    if (operation !== OperationTypeNode.SUBSCRIPTION) return;
    const seen = new Set<string>();
    const check = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        for (const directive of selection.directives ?? [])
          if (directive.name.value === 'skip' || directive.name.value === 'include')
            context.reportError(
              new GraphQLError(`The field of a subscription cannot depend on @${directive.name.value}.`, {
                nodes: directive,
              }),
            );
        if (selection.kind === Kind.INLINE_FRAGMENT) check(selection.selectionSet);
        if (selection.kind !== Kind.FRAGMENT_SPREAD || seen.has(selection.name.value)) continue;
        seen.add(selection.name.value);
        const fragment = context.getFragment(selection.name.value);
        if (fragment) check(fragment.selectionSet);
      }
    };
    check(selectionSet);
  },
});

const rules = [...specifiedRules, finiteNumbers, unconditionalSubscriptions];

/** How many fields an operation asks for, with fragments counted wherever they are spread. */
function checkFields(document: DocumentNode): void {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const known = new Map<string, number>();
  const count = (set: SelectionSetNode | undefined, within: readonly string[]): number => {
    let fields = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const name = selection.name.value;
        if (within.includes(name)) continue;
        const counted = known.get(name) ?? count(fragments.get(name)?.selectionSet, [...within, name]);
        known.set(name, counted);
        fields += counted;
      } else {
        fields += (selection.kind === Kind.FIELD ? 1 : 0) + count(selection.selectionSet, within);
      }
    }
    return fields;
  };
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition) || !definition.selectionSet) continue;
    const fields = count(definition.selectionSet, []);
    if (fields > fieldsMax) {
      throw new GraphQLError(`The document asks for ${fields} fields; at most ${fieldsMax} at once.`, {
        extensions: { code: 'TOO_EXPENSIVE' },
      });
    }
  }
}

function isIntrospection(operation: OperationDefinitionNode): boolean {
  return operation.selectionSet.selections.some(
    (selection) => selection.kind !== Kind.FIELD || selection.name.value.startsWith('__'),
  );
}

/** Reads, checks and runs operations; every transport goes through it. */
export class Executor {
  readonly schemas: Schemas;
  readonly #app: App;
  readonly #report: Report;
  readonly #prepared = new Map<string, Prepared>();
  readonly #flows = new Shared<Flow<unknown, Told>>();
  readonly #writers = new Shared<Write | undefined>();

  constructor(schemas: Schemas, app: App, report: Report) {
    this.schemas = schemas;
    this.#app = app;
    this.#report = report;
  }

  context(caller: Caller = nobody): Context {
    return { app: this.#app, caller, operation: new Operation(this.#app, caller.onLeave) };
  }

  prepare(query: string): Prepared {
    const known = this.#prepared.get(query);
    if (known) return known;
    const prepared = this.#read(query);
    if (query.length <= cachedDocumentCharsMax && prepared.document) {
      if (this.#prepared.size >= cachedDocumentsMax)
        for (const [oldest] of this.#prepared) {
          this.#prepared.delete(oldest);
          break;
        }
      this.#prepared.set(query, prepared);
    }
    return prepared;
  }

  #read(query: string): Prepared {
    try {
      const source = new Source(query);
      checkShape(source);
      const document = parse(source, { noLocation: false });
      // Fragments are followed one into the other.
      if (document.definitions.length > definitionsMax)
        throw refuse(`The document has more than ${definitionsMax} definitions (operations and fragments).`);
      checkFields(document);
      const errors = validate(this.schemas.visible, document, rules, { maxErrors: 20 });
      if (errors.length > 0)
        return { document: undefined, errors: errors.map((error) => validationFault(document, error)) };
      return { document, errors: [] };
    } catch (error) {
      if (error instanceof GraphQLError) return { document: undefined, errors: [toClient(error, this.#report)] };
      throw error;
    }
  }

  /** The operation of a request, or what is wrong with it. */
  operationOf(
    request: Request,
  ): { document: DocumentNode; operation: OperationDefinitionNode } | readonly GraphQLError[] {
    const { document, errors } = this.prepare(request.query);
    if (!document) return errors;
    const operation = getOperationAST(document, request.operationName);
    if (operation) return { document, operation };
    const names = document.definitions.flatMap((each) =>
      each.kind === Kind.OPERATION_DEFINITION ? [each.name?.value ?? 'unnamed'] : [],
    );
    return [
      refuse(
        names.length === 0
          ? 'The document holds no operation.'
          : `Name one of its operations in operationName: ${names.join(', ')}.`,
      ),
    ];
  }

  /** Runs a query or mutation. */
  async run(request: Request): Promise<ExecutionResult> {
    const found = this.operationOf(request);
    if (!('document' in found)) return { errors: found };
    return this.execute(found.document, found.operation, request.variables, this.context());
  }

  async execute(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>> | null | undefined,
    context: Context,
  ): Promise<ExecutionResult> {
    const schema = isIntrospection(operation) ? this.schemas.visible : this.schemas.executable;
    const result = await execute({
      schema,
      document,
      operationName: operation.name?.value,
      variableValues: variables ?? {},
      contextValue: context,
    });
    // Where a field failed, others may still be under way.
    context.operation.end();
    return this.#told(result, schema === this.schemas.visible, document, operation, variables);
  }

  async subscribe(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>> | null | undefined,
  ): Promise<Accepted | ExecutionResult> {
    const args = {
      schema: this.schemas.executable,
      document,
      operationName: operation.name?.value,
      variableValues: variables ?? {},
      contextValue: this.context(),
    };
    const source = await createSourceEventStream(args);
    if (source instanceof ImportProgress) {
      const render = (row: ImportRow) => this.#progressOf(args, row);
      return { join: (listener) => source.join(this.#memberOf(listener), render) };
    }
    if (!(source instanceof Following)) {
      if (Symbol.asyncIterator in source) throw new Error('a subscription that is not followed');
      return this.#told(source, false, document, operation, variables);
    }
    const key = sharingKey(document, operation, variables ?? {}, source.series);
    return {
      join: (listener, after) => {
        const flow = this.#flows.get(document, key, (forget) =>
          source.flow({ render: this.#rendererOf(args, operation), onEmpty: forget }),
        );
        return flow.join(this.#memberOf(listener), after ?? source.after);
      },
    };
  }

  #memberOf(listener: Listener): Member<Told> {
    return {
      ready: () => listener.ready(),
      send: (told) => listener.send(told),
      end: (error) => listener.end(error === undefined ? undefined : this.#failed(error)),
    };
  }

  /** An import that has ended may still be asked for what is being computed of it. */
  async #progressOf(args: EventArguments, row: ImportRow): Promise<Progress<Told>> {
    const contextValue = this.context();
    const result = this.#withErrors(await execute({ ...args, contextValue, rootValue: row }));
    const told = new Told(JSON.stringify(result), row.version);
    return { told, isLast: hasEnded(row) && !contextValue.operation.isUnready };
  }

  /** Puts events into the JSON that answers them. */
  #rendererOf(args: EventArguments, operation: OperationDefinitionNode) {
    const { schema, document, variableValues, contextValue } = args;
    const compile = () => compileEvents(schema, document, operation, variableValues);
    // One for all who send the document: of a thousand, each would have to come from memory again for each event.
    const compiled = isConditional(document)
      ? compile()
      : this.#writers.get(document, operation.name?.value ?? '', compile);
    const executed = async (event: FoldedEvent<unknown>): Promise<Told> => {
      const result = this.#withErrors(await execute({ ...args, rootValue: event }));
      return new Told(JSON.stringify(result), event.cursor);
    };
    if (!compiled) return executed;
    return (event: FoldedEvent<unknown>) => {
      let json: string;
      try {
        json = compiled(event, contextValue);
      } catch {
        return executed(event);
      }
      return new Told(json, event.cursor);
    };
  }

  #failed(error: unknown): ExecutionResult {
    const originalError = error instanceof Error ? error : undefined;
    const wrapped = error instanceof GraphQLError ? error : new GraphQLError('failed', { originalError });
    return { errors: [toClient(wrapped, this.#report)] };
  }

  #withErrors(result: ExecutionResult): ExecutionResult {
    if (!result.errors) return result;
    return { ...result, errors: result.errors.map((error) => toClient(error, this.#report)) };
  }

  #told(
    result: ExecutionResult,
    visible: boolean,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>> | null | undefined,
  ): ExecutionResult {
    if (result.data === undefined && result.errors) {
      const schema = visible ? this.schemas.visible : this.schemas.executable;
      const faults = variableFaults(schema, document, operation, variables ?? {});
      if (faults.length > 0) return { errors: faults };
    }
    return this.#withErrors(result);
  }
}
