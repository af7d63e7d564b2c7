import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';
import { parseDuration } from '../engine/duration.ts';
import { formatInstant, instantMicros, instantProblem, toMillis } from '../engine/instant.ts';
import { ReceivedFile } from '../imports/upload-receiver.ts';
import { builder } from './builder.ts';
import { type InstantArgument, InvalidInstant } from './instant-argument.ts';

export function parseInstant(input: unknown): InstantArgument {
  if (typeof input !== 'string' && typeof input !== 'number') {
    throw new GraphQLError("An Instant is a text like '2026-01-05T09:30:00Z' or a number of milliseconds since 1970.");
  }
  const micros = instantMicros(input);
  return Number.isNaN(micros) ? new InvalidInstant(instantProblem(input)) : micros;
}

function literalOf(node: ValueNode): unknown {
  if (node.kind === Kind.STRING) return node.value;
  if (node.kind === Kind.INT || node.kind === Kind.FLOAT) return Number(node.value);
  return valueFromASTUntyped(node);
}

/** A refused literal is reported with its position. */
function atLiteral<T>(parse: (input: unknown) => T): (node: ValueNode) => T {
  return (node) => {
    try {
      return parse(literalOf(node));
    } catch (error) {
      throw error instanceof GraphQLError ? new GraphQLError(error.message, { nodes: node }) : error;
    }
  };
}

builder.scalarType('Instant', {
  description:
    "An instant, to the microsecond. Out: RFC 3339 UTC ('2026-01-05T09:30:00.000001Z', no longer than needed). In: RFC 3339 with any offset, or milliseconds since 1970 as a number. Instants lie from 1684-07-28T00:12:25.259009Z to 2255-06-05T23:47:34.740991Z; others, and numbers below 1e11 in magnitude, are refused with the unit that was probably meant.",
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (micros) => formatInstant(micros),
  parseValue: parseInstant,
  parseLiteral: atLiteral(parseInstant),
});

builder.scalarType('Millis', {
  description:
    'Milliseconds since 1970 as a JSON number, as Date.now() gives; the fraction holds microseconds exactly (before 1691 and after 2248 to 2 microseconds).',
  serialize: (micros) => toMillis(micros),
  parseValue: () => {
    throw new GraphQLError('Millis come out only; instants go in as Instant.');
  },
});

function parseDurationInput(input: unknown): number {
  if (typeof input !== 'string')
    throw new GraphQLError("A Duration is a text with its unit, like '90s', '5m', '24h', '7d' or 'PT24H'.");
  const micros = parseDuration(input);
  if (typeof micros !== 'number') throw new GraphQLError(`Not a duration: ${micros.problem}.`);
  return micros;
}

builder.scalarType('Duration', {
  description:
    "A length of time: '250ms', '90s', '5m', '24h', '7d', '2w', or ISO 8601 ('PT24H'). Months and years have no length and are refused.",
  serialize: (micros) => micros,
  parseValue: parseDurationInput,
  parseLiteral: atLiteral(parseDurationInput),
});

function wholeNumber(what: string) {
  const parse = (input: unknown): number => {
    if (typeof input !== 'number' || !Number.isSafeInteger(input) || input < 0) {
      throw new GraphQLError(`A ${what} is a whole number from 0 to 2^53 - 1.`);
    }
    return input;
  };
  return {
    serialize: (value: number) => value,
    parseValue: parse,
    parseLiteral: atLiteral(parse),
  };
}

builder.scalarType('Revision', {
  description:
    'A number of the one global commit order, as a JSON integer below 2^53: later is larger. 0 is before the first write.',
  ...wholeNumber('Revision'),
});

builder.scalarType('Long', { description: 'An integer below 2^53.', ...wholeNumber('Long') });

const noFile =
  'A File comes as a part of a multipart request (github.com/jaydenseric/graphql-multipart-request-spec), and its variable is null there. Files of any size come by createUpload.';

builder.scalarType('File', {
  description: noFile,
  serialize: () => {
    throw new GraphQLError('Files come in only.');
  },
  parseValue: (input) => {
    if (input instanceof ReceivedFile) return input;
    throw new GraphQLError(noFile);
  },
  parseLiteral: () => {
    throw new GraphQLError(noFile);
  },
});
