// Written by 'npm run generate' from operations.graphql and schema.graphql.
import type { Operation } from './operation.ts';

export type ChangesVariables = {
  readonly series: readonly string[];
  readonly after?: number | null | undefined;
  readonly range?:
    | { readonly from?: number | string | null | undefined; readonly to?: number | string | null | undefined }
    | null
    | undefined;
  readonly bucket?: string | null | undefined;
};

export type ChangesData = {
  readonly changes: {
    readonly kind: 'CHANGE' | 'PROGRESS' | 'SNAPSHOT';
    readonly cursor: number;
    readonly reason: string | null;
    readonly changes: readonly {
      readonly series: string;
      readonly span: { readonly from: number | null; readonly to: number | null };
      readonly points: {
        readonly t: readonly number[];
        readonly value: readonly number[];
        readonly size: readonly (number | null)[] | null;
      };
      readonly truncated: boolean;
    }[];
  };
};

export const changesDocument: Operation<ChangesData, ChangesVariables> =
  'subscription Changes($series: [String!]!, $after: Revision, $range: TimeRange, $bucket: Duration) { changes(series: $series, after: $after, range: $range, bucket: $bucket) { kind cursor reason changes { series span { from to } points { t value size } truncated } } }';

export type WholeVariables = {
  readonly series: string;
  readonly range?:
    | { readonly from?: number | string | null | undefined; readonly to?: number | string | null | undefined }
    | null
    | undefined;
  readonly bucket?: string | null | undefined;
  readonly asOf: number;
};

export type WholeData = {
  readonly series: {
    readonly samples: {
      readonly t: readonly number[];
      readonly value: readonly number[];
      readonly size: readonly (number | null)[] | null;
    };
  } | null;
};

export const wholeDocument: Operation<WholeData, WholeVariables> =
  'query Whole($series: String!, $range: TimeRange, $bucket: Duration, $asOf: Revision!) { series(key: $series) { samples(maxPoints: null, range: $range, bucket: $bucket, asOf: $asOf) { t value size } } }';

export type OutlineVariables = {
  readonly series: string;
  readonly range?:
    | { readonly from?: number | string | null | undefined; readonly to?: number | string | null | undefined }
    | null
    | undefined;
  readonly asOf: number;
};

export type OutlineData = { readonly series: { readonly samples: { readonly t: readonly number[] } } | null };

export const outlineDocument: Operation<OutlineData, OutlineVariables> =
  'query Outline($series: String!, $range: TimeRange, $asOf: Revision!) { series(key: $series) { samples(maxPoints: 64, range: $range, asOf: $asOf) { t } } }';

export type BucketStartsVariables = {
  readonly series: string;
  readonly range?:
    | { readonly from?: number | string | null | undefined; readonly to?: number | string | null | undefined }
    | null
    | undefined;
  readonly bucket?: string | null | undefined;
  readonly asOf: number;
};

export type BucketStartsData = { readonly series: { readonly samples: { readonly t: readonly number[] } } | null };

export const bucketStartsDocument: Operation<BucketStartsData, BucketStartsVariables> =
  'query BucketStarts($series: String!, $range: TimeRange, $bucket: Duration, $asOf: Revision!) { series(key: $series) { samples( maxPoints: null range: $range bucket: $bucket method: MEAN asOf: $asOf ) { t } } }';
