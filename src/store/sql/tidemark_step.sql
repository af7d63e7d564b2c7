-- Stores one step of a backfill: staged blocks that stay invisible until the lane is published, checkpoints, and the progress.
-- Returns false when another worker has taken this step.
CREATE OR REPLACE FUNCTION tidemark_step(
  p_definition int,
  p_basis bigint,
  p_count int,
  p_step jsonb,
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[],
  p_block_series int[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE lanes SET step = p_step WHERE definition = p_definition AND basis = p_basis AND coalesce((step ->> 'count')::int, 0) = p_count;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO fresh_blocks (series, stage, staged_at, from_t, to_t, versions, t, value, size)
  SELECT block.series, (p_step ->> 'stage')::uuid, now(), block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_block_series, p_from, p_to, p_versions, p_t, p_value, p_size) AS block (series, from_t, to_t, versions, t, value, size);
  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  RETURN true;
END $$;
