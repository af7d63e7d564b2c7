-- Replaces blocks of one series by sealed blocks with the same versions; versions beyond one pass go back as fresh blocks.
-- p_seal_count is the fence: when another worker has sealed the series since, or the series is deleted, it changes nothing and
-- returns false.
--
-- p_heads: [{base, max, points, rest}], one for each block; rest marks a fresh block. Summaries and chunks are flat: those of block
-- i start at p_summary_start[i] and p_chunks_start[i]. The other columns are as in tidemark_commit_2.
CREATE OR REPLACE FUNCTION tidemark_seal(
  p_series int,
  p_seal_count bigint,
  p_fresh bigint[],
  p_sealed bigint[],
  p_heads jsonb,
  p_summary float8[],
  p_summary_start int[],
  p_chunks float8[],
  p_chunks_start int[],
  p_offsets bytea[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_gone int;
BEGIN
  UPDATE series SET seal_count = seal_count + 1 WHERE id = p_series AND seal_count = p_seal_count AND deleted_revision IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM fresh_blocks WHERE id = ANY (p_fresh) AND series = p_series;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  IF v_gone <> cardinality(p_fresh) THEN
    RAISE EXCEPTION 'of % fresh blocks to seal only % were there', cardinality(p_fresh), v_gone;
  END IF;
  DELETE FROM sealed_blocks WHERE id = ANY (p_sealed) AND series = p_series;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  IF v_gone <> cardinality(p_sealed) THEN
    RAISE EXCEPTION 'of % sealed blocks to replace only % were there', cardinality(p_sealed), v_gone;
  END IF;
  INSERT INTO sealed_blocks (series, from_t, to_t, base_revision, max_revision, versions, points, t, value, size, offsets, summary, chunks)
  SELECT p_series, block.from_t, block.to_t, (head ->> 'base')::bigint, (head ->> 'max')::bigint, block.versions, (head ->> 'points')::int,
    block.t, block.value, block.size, block.offsets,
    p_summary[p_summary_start[i] : p_summary_start[i + 1] - 1], p_chunks[p_chunks_start[i] : p_chunks_start[i + 1] - 1]
  FROM unnest(p_from, p_to, p_versions, p_t, p_value, p_size, p_offsets) WITH ORDINALITY AS block (from_t, to_t, versions, t, value, size, offsets, i),
    LATERAL (SELECT p_heads -> (i::int - 1) AS head) AS said
  WHERE NOT (head ->> 'rest')::boolean;
  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT p_series, (head ->> 'base')::bigint, block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_from, p_to, p_versions, p_t, p_value, p_size) WITH ORDINALITY AS block (from_t, to_t, versions, t, value, size, i),
    LATERAL (SELECT p_heads -> (i::int - 1) AS head) AS said
  WHERE (head ->> 'rest')::boolean;
  RETURN true;
END $$;
