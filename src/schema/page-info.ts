import { builder } from './builder.ts';

export interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

export const PageInfoType = builder.objectRef<PageInfo>('PageInfo').implement({
  description: 'The position of a page in its list.',
  fields: (t) => ({
    hasNextPage: t.exposeBoolean('hasNextPage', { description: 'True when more items follow this page.' }),
    hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'True when more items precede this page.' }),
    startCursor: t.exposeString('startCursor', { nullable: true, description: 'The cursor of the first item.' }),
    endCursor: t.exposeString('endCursor', { nullable: true, description: 'The cursor of the last item.' }),
  }),
});
