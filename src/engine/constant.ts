import type { Arguments, RowOperator } from './operator.ts';

/**
 * Evaluates a pointwise operator over numbers. NaN means no point; undefined means that the operator needs instants.
 */
export function constantOf(operator: RowOperator, given: Arguments, inputs: readonly number[]): number | undefined {
  const memory = operator.memory(given);
  if (memory.kind !== 'rows' || memory.rows !== 0) return undefined;
  const out = new Float64Array(1);
  const columns = inputs.map((value) => Float64Array.of(value));
  operator.open(given).run({ length: 1, t: new Float64Array(1), columns, own: undefined }, out);
  return Number.isFinite(out[0]) ? out[0] + 0 : Number.NaN;
}
