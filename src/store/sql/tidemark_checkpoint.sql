-- Stores operator states of derived series, one row for each (definition, stage, instant). p_states is flat: row i has
-- p_length[i] elements from p_start[i] (1-based) on.
CREATE OR REPLACE FUNCTION tidemark_checkpoint(
  p_definition int[],
  p_stage int[],
  p_t bigint[],
  p_start int[],
  p_length int[],
  p_states float8[]
) RETURNS void
LANGUAGE sql VOLATILE AS $$
  INSERT INTO checkpoints (definition, stage, t, states)
  SELECT item.definition, item.stage, item.t, p_states[item.first : item.first + item.length - 1]
  FROM unnest(p_definition, p_stage, p_t, p_start, p_length) AS item (definition, stage, t, first, length)
  ON CONFLICT (definition, stage, t) DO UPDATE SET states = excluded.states
$$;
