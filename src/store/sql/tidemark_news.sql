-- Returns the changes of series between two revisions, in no order. n is the 0-based position of the series. A row without `told`
-- is a block. `told` is 0 when there are more changes than the limits allow or when they are sealed. Otherwise it is the
-- revision in which the series was deleted, negative when another series has its key at p_up_to.
--
-- Settings: as for tidemark_commit_2. work_mem keeps the rows in memory until the last one is found.
CREATE OR REPLACE FUNCTION tidemark_news(
  p_series int[],
  p_storage int[],
  p_after bigint[],
  p_up_to bigint[],
  p_versions_max int,
  p_blocks_max int
) RETURNS TABLE (n int, told bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT (place - 1)::int AS place, id, storage, low, high
    FROM unnest(p_series, p_storage, p_after, p_up_to) WITH ORDINALITY AS asked (id, storage, low, high, place))
  SELECT place, NULL::bigint, block.* FROM asked, LATERAL (
    SELECT revision, from_t, versions, t, value, size, NULL::bytea FROM fresh_blocks
    WHERE series = storage AND revision > low AND revision <= high AND versions <= p_versions_max LIMIT p_blocks_max + 1) AS block
  UNION ALL
  SELECT place, 0, NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea FROM asked
  WHERE EXISTS (SELECT FROM fresh_blocks WHERE series = storage AND revision > low AND revision <= high AND versions > p_versions_max OFFSET 0)
    OR EXISTS (SELECT FROM sealed_blocks WHERE series = storage AND max_revision > low AND base_revision <= high OFFSET 0)
  UNION ALL
  SELECT place, CASE WHEN gone.has_heir THEN -gone.deleted_revision ELSE gone.deleted_revision END,
    NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea
  FROM asked, LATERAL (
    SELECT deleted_revision, EXISTS (SELECT FROM series AS heir
      WHERE heir.key = series.key AND heir.deleted_revision IS NULL AND heir.created_revision <= high) AS has_heir
    FROM series WHERE series.id = asked.id AND deleted_revision <= high OFFSET 0) AS gone;
END $$;
