import { builder } from './builder.ts';

export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'Whether and where a list goes on.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether there is more behind this page.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether there is more before this page.' }),
    startCursor: t.exposeString('startCursor', { nullable: true, description: 'The cursor of the first item.' }),
    endCursor: t.exposeString('endCursor', { nullable: true, description: 'The cursor of the last item.' }),
  }),
});
