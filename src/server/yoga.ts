import type { IncomingMessage } from 'node:http';
import { getOperationAST } from 'graphql';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Executor } from '../schema/execution.ts';
import type { Caller } from '../schema/operation-reads.ts';

/** Makes yoga use Tidemark's parsing, validation and execution. */
function through(executor: Executor): Plugin {
  return {
    onParse: ({ setParseFn }) => {
      setParseFn((source: string | { body: string }) => {
        const { document, errors } = executor.documents.prepare(typeof source === 'string' ? source : source.body);
        if (document) return document;
        throw errors.length === 1 ? errors[0] : new AggregateError(errors);
      });
    },
    onValidate: ({ setResult }) => setResult([]),
    onExecute: ({ setExecuteFn }) => {
      setExecuteFn((args) => {
        const operation = getOperationAST(args.document, args.operationName);
        if (!operation) throw new Error('yoga executes a document without an operation');
        const { caller } = args.contextValue as { caller: Caller };
        return executor.execute(args.document, operation, args.variableValues, executor.context(caller));
      });
    },
  };
}

const firstQuery = `# Tidemark: price series whose derived series are always right.
# The documentation of every field is in the panel on the left.

query Newest {
  revision
  allSeries(first: 10) {
    nodes {
      key
      last { t value }
    }
  }
}
`;

/** Whether a browser asks for GraphiQL. The operation in the address is shown in the page, and runs when its user runs it. */
export function wantsPage({ method, headers: { accept = '' } }: IncomingMessage): boolean {
  return method === 'GET' && accept.includes('text/html') && !accept.includes('text/event-stream');
}

/**
 * yoga serves GraphiQL and requests that are neither plain JSON nor streams. The caller is passed in with each request.
 */
export function makeYoga(executor: Executor): YogaServerInstance<{ readonly caller: Caller }, object> {
  return createYoga({
    schema: executor.schemas.visible,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    logging: false,
    maskedErrors: false,
    graphiql: { title: 'Tidemark', defaultQuery: firstQuery, subscriptionsProtocol: 'WS' },
    renderGraphiQL: async (options) => (await import('@graphql-yoga/render-graphiql')).renderGraphiQL(options),
    plugins: [through(executor)],
  });
}
