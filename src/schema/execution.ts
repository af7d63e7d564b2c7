import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import type { SharedSubscription } from '../feed/flow.ts';
import type { SubscriptionEvent } from '../feed/followed.ts';
import { Subscription } from '../feed/following.ts';
import type { Subscriber } from '../feed/subscriber.ts';
import type { App } from './app.ts';
import type { Context } from './builder.ts';
import { compileEventWriter, isConditional, type JsonWriter } from './compile-selection.ts';
import { Documents, type Request, type RequestedOperation } from './documents.ts';
import { type Report, toClientError, variableFaults } from './faults.ts';
import { type Caller, nobody, OperationReads } from './operation-reads.ts';
import type { Schemas } from './schema.ts';
import { SerializedEvent } from './serialized-event.ts';
import { SharedByKey, sharingKey } from './sharing-key.ts';

/** The receiver of a subscription's answers. */
export interface Listener {
  ready(): Promise<void> | undefined;
  send(told: SerializedEvent): void;
  end(result: ExecutionResult | undefined): void;
}

/** An accepted subscription. Events that other clients also follow are read and serialized once for all of them. */
export interface Accepted {
  /** Starts, after the revision `after` if given; returns a function that ends the subscription. */
  join(listener: Listener, after?: number): () => void;
}

interface EventArguments {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variableValues: Readonly<Record<string, unknown>>;
  readonly contextValue: Context;
}

function isIntrospection(operation: OperationDefinitionNode): boolean {
  return operation.selectionSet.selections.some(
    (selection) => selection.kind !== Kind.FIELD || selection.name.value.startsWith('__'),
  );
}

/** Parses, validates and executes operations for every transport. */
export class Executor {
  readonly schemas: Schemas;
  readonly documents: Documents;
  readonly #app: App;
  readonly #report: Report;
  readonly #subscriptions = new SharedByKey<SharedSubscription<unknown, SerializedEvent>>();
  readonly #writers = new SharedByKey<JsonWriter | undefined>();

  constructor(schemas: Schemas, app: App, report: Report) {
    this.schemas = schemas;
    this.documents = new Documents(schemas.visible, report);
    this.#app = app;
    this.#report = report;
  }

  context(caller: Caller = nobody): Context {
    return { app: this.#app, caller, operation: new OperationReads(this.#app, caller.onLeave) };
  }

  operationOf(request: Request): RequestedOperation | readonly GraphQLError[] {
    return this.documents.operationOf(request);
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
    // After one field failed, others may still be running.
    context.operation.end();
    return this.#told(
      result,
      schema === this.schemas.visible,
      document,
      operation,
      variables,
      context.caller.requestId,
    );
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
    if (!(source instanceof Subscription)) {
      if (Symbol.asyncIterator in source) throw new Error('a subscription that cannot be shared');
      return this.#told(source, false, document, operation, variables);
    }
    const key = sharingKey(document, operation, variables ?? {}, source.ids);
    return {
      join: (listener, after) => {
        const shared = this.#subscriptions.get(document, key, (forget) =>
          source.shared({
            render: this.#rendererOf(args, operation, source),
            isLast: ({ isLast }) => isLast,
            onEmpty: forget,
          }),
        );
        return shared.join(this.#subscriberOf(listener), after ?? source.after);
      },
    };
  }

  #subscriberOf(listener: Listener): Subscriber<SerializedEvent> {
    return {
      ready: () => listener.ready(),
      send: (told) => listener.send(told),
      end: (error) => listener.end(error === undefined ? undefined : this.#failed(error)),
    };
  }

  /** Serializes events into the JSON of their answers. */
  #rendererOf(args: EventArguments, operation: OperationDefinitionNode, { isLast }: Subscription<unknown>) {
    const { schema, document, variableValues, contextValue } = args;
    const executed = async (event: SubscriptionEvent<unknown>): Promise<SerializedEvent> => {
      const contextValue = this.context();
      const result = this.#withErrors(await execute({ ...args, contextValue, rootValue: event }));
      // A summary that is still being computed is sent after the end of its import.
      const isOver = (isLast?.(event) ?? false) && !contextValue.operation.isUnready;
      return new SerializedEvent(JSON.stringify(result), event.cursor, isOver);
    };
    if (isLast) return executed;
    const compile = () => compileEventWriter(schema, document, operation, variableValues);
    // One writer per document. A thousand separate ones would be loaded into the cache again for each event.
    const compiled = isConditional(document)
      ? compile()
      : this.#writers.get(document, operation.name?.value ?? '', compile);
    if (!compiled) return executed;
    return (event: SubscriptionEvent<unknown>) => {
      let json: string;
      try {
        json = compiled(event, contextValue);
      } catch {
        return executed(event);
      }
      return new SerializedEvent(json, event.cursor);
    };
  }

  #failed(error: unknown): ExecutionResult {
    const originalError = error instanceof Error ? error : undefined;
    const wrapped = error instanceof GraphQLError ? error : new GraphQLError('failed', { originalError });
    return { errors: [toClientError(wrapped, this.#report)] };
  }

  #withErrors(result: ExecutionResult, requestId?: string): ExecutionResult {
    if (!result.errors) return result;
    return { ...result, errors: result.errors.map((error) => toClientError(error, this.#report, requestId)) };
  }

  #told(
    result: ExecutionResult,
    visible: boolean,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Readonly<Record<string, unknown>> | null | undefined,
    requestId?: string,
  ): ExecutionResult {
    if (result.data === undefined && result.errors) {
      const schema = visible ? this.schemas.visible : this.schemas.executable;
      const faults = variableFaults(schema, document, operation, variables ?? {});
      if (faults.length > 0) return { errors: faults };
    }
    return this.#withErrors(result, requestId);
  }
}
