-- Returns the blocks that may hold versions of (after, p_to] of each storage.
CREATE OR REPLACE FUNCTION tidemark_changed(p_storage int[], p_after bigint[], p_to bigint)
RETURNS TABLE (storage int, after bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT asked.storage, asked.after, block.* FROM unnest(p_storage, p_after) AS asked (storage, after), LATERAL (
    (SELECT base_revision, from_t, versions, t, value, size, offsets FROM sealed_blocks
     WHERE series = asked.storage AND max_revision > asked.after AND base_revision <= p_to OFFSET 0)
    UNION ALL (SELECT revision, from_t, versions, t, value, size, NULL FROM fresh_blocks
     WHERE series = asked.storage AND revision > asked.after AND revision <= p_to OFFSET 0)) AS block;
END $$;
