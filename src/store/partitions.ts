/** The number of partitions. A series belongs to one by its id; a job belongs to a partition. */
export const partitions = 64;

export function partitionOf(series: number): number {
  return series % partitions;
}
