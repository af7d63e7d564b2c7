import SchemaBuilder from '@pothos/core';
import type { ReceivedFile } from '../imports/upload-receiver.ts';
import type { App } from './app.ts';
import type { InstantArgument } from './instant-argument.ts';
import type { Caller, OperationReads } from './operation-reads.ts';

/** The context of every resolver: the program, the caller, and the reads of this operation. */
export interface Context {
  readonly app: App;
  readonly caller: Caller;
  readonly operation: OperationReads;
}

export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  DefaultInputFieldRequiredness: false;
  Scalars: {
    ID: { Input: string; Output: string };
    Instant: { Input: InstantArgument; Output: number };
    Millis: { Input: never; Output: number };
    Duration: { Input: number; Output: number };
    Revision: { Input: number; Output: number };
    Long: { Input: number; Output: number };
    File: { Input: ReceivedFile; Output: never };
  };
}>({ defaultFieldNullability: false });

builder.queryType({
  description: 'Everything that can be read. All fields of one operation read one and the same revision.',
});
builder.mutationType({
  description:
    'All writes. An answered write is durable. A failed one has written nothing, unless its description says otherwise.',
});
builder.subscriptionType({
  description: 'Live events of series, without a gap, and the progress of imports.',
});
