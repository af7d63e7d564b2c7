-- Moves lanes from one revision to the next and stores all that changes with it. When one of the lanes is no longer at its
-- base, it changes nothing and returns the definitions of such lanes.
--
-- p_definitions, p_bases, p_targets, p_untils: one element for each lane. p_stages: [{id, at}] of staged blocks to publish; at is an
-- index into p_definitions. p_notice: the payload to announce, or NULL. Blocks are columns as in tidemark_commit_2; checkpoints are
-- those of tidemark_checkpoint.
--
-- Settings: as for tidemark_commit_2.
CREATE OR REPLACE FUNCTION tidemark_derive(
  p_definitions int[],
  p_bases bigint[],
  p_targets bigint[],
  p_untils bigint[],
  p_stages jsonb,
  p_notice text,
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[],
  p_block_series int[],
  p_block_revision bigint[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS int[]
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  v_elsewhere int[];
BEGIN
  -- A worker computes lost rows again, with the same bits, so there is no need to wait for the disk. The commit that ends a
  -- backfill is flushed, and with it everything before it.
  IF jsonb_array_length(p_stages) = 0 THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  PERFORM FROM lanes WHERE definition = ANY (p_definitions) ORDER BY definition FOR UPDATE;
  SELECT array_agg(way.definition) INTO v_elsewhere
  FROM unnest(p_definitions, p_bases) AS way (definition, basis)
  -- The steps of a backfill have stored checkpoints as of its target: only this backfill may continue the lane.
  WHERE NOT EXISTS (
    SELECT FROM lanes WHERE lanes.definition = way.definition AND lanes.basis = way.basis
      AND (lanes.step IS NULL OR lanes.step ->> 'stage' IN (SELECT item ->> 'id' FROM jsonb_array_elements(p_stages) AS item)));
  IF v_elsewhere IS NOT NULL THEN
    RETURN v_elsewhere;
  END IF;
  UPDATE lanes SET basis = way.target, step = NULL,
    stops = CASE WHEN way.basis < 0 OR way.until < way.basis THEN stops ELSE (stops || way.basis)[greatest(1, cardinality(stops) - 6):] END,
    untils = CASE WHEN way.basis < 0 OR way.until < way.basis THEN untils ELSE (untils || way.until)[greatest(1, cardinality(untils) - 6):] END
  FROM unnest(p_definitions, p_bases, p_targets, p_untils) AS way (definition, basis, target, until)
  WHERE lanes.definition = way.definition;

  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT * FROM unnest(p_block_series, p_block_revision, p_from, p_to, p_versions, p_t, p_value, p_size);

  UPDATE fresh_blocks SET revision = p_targets[1 + (item ->> 'at')::int], stage = NULL, staged_at = NULL
  FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;

  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  IF p_notice IS NOT NULL THEN
    PERFORM pg_notify('tidemark', p_notice);
  END IF;
  RETURN '{}';
END $$;
