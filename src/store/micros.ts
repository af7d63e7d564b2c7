/** SQL: a timestamp in microseconds since 1970. */
export function micros(instant: string): string {
  return `(extract(epoch from ${instant}) * 1000000)::bigint`;
}
