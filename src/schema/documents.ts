import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  parse,
  Source,
  specifiedRules,
  validate,
} from 'graphql';
import { type Report, toClientError, validationFault } from './faults.ts';
import { checkFields, checkShape, finiteNumbers, refusal, unconditionalSubscriptions } from './limits.ts';

const cachedDocumentsMax = 1_000;
const cachedDocumentCharsMax = 20_000;

/** A valid document, or the errors of an invalid one. */
export interface Prepared {
  readonly document: DocumentNode | undefined;
  readonly errors: readonly GraphQLError[];
}

export interface Request {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly operationName?: string | null | undefined;
}

export interface RequestedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

const rules = [...specifiedRules, finiteNumbers, unconditionalSubscriptions];

/** Parses and validates documents; those that clients send again and again are kept. */
export class Documents {
  readonly #schema: GraphQLSchema;
  readonly #report: Report;
  readonly #prepared = new Map<string, Prepared>();

  constructor(schema: GraphQLSchema, report: Report) {
    this.#schema = schema;
    this.#report = report;
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
      checkFields(document);
      const errors = validate(this.#schema, document, rules, { maxErrors: 20 });
      if (errors.length > 0)
        return { document: undefined, errors: errors.map((error) => validationFault(document, error)) };
      return { document, errors: [] };
    } catch (error) {
      if (error instanceof GraphQLError) return { document: undefined, errors: [toClientError(error, this.#report)] };
      throw error;
    }
  }

  /** The operation that a request names, or the errors that the client gets instead. */
  operationOf(request: Request): RequestedOperation | readonly GraphQLError[] {
    const { document, errors } = this.prepare(request.query);
    if (!document) return errors;
    const operation = getOperationAST(document, request.operationName);
    if (operation) return { document, operation };
    const names = document.definitions.flatMap((each) =>
      each.kind === Kind.OPERATION_DEFINITION ? [each.name?.value ?? 'unnamed'] : [],
    );
    return [
      refusal(
        names.length === 0
          ? 'The document holds no operation.'
          : `Name one of its operations in operationName: ${names.join(', ')}.`,
      ),
    ];
  }
}
