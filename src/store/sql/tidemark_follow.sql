-- Returns the progress of series and their newest changes in one snapshot: first a row for each series with n = -1, -2, ...,
-- its progress as JSON (null unless it is derived) and the newest revision; then what tidemark_news returns of each series
-- between its p_after and that revision.
CREATE OR REPLACE FUNCTION tidemark_follow(
  p_series int[],
  p_storage int[],
  p_after bigint[],
  p_versions_max int,
  p_blocks_max int
) RETURNS TABLE (n int, standing text, told bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
DECLARE
  v_newest bigint := (SELECT coalesce(max(revision), 0) FROM commits);
  v_standings json[];
  v_storages int[];
BEGIN
  SELECT array_agg(row_to_json(stands) ORDER BY asked.place), array_agg(coalesce(stands.storage, asked.storage) ORDER BY asked.place)
  INTO v_standings, v_storages
  FROM unnest(p_series, p_storage) WITH ORDINALITY AS asked (id, storage, place) LEFT JOIN tidemark_standings(p_series, NULL) AS stands ON stands.series = asked.id;
  RETURN QUERY SELECT (-place)::int, stands::text, v_newest, NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea
  FROM unnest(v_standings) WITH ORDINALITY AS stood (stands, place);
  RETURN QUERY SELECT news.n, NULL::text, news.told, news.base, news.from_t, news.versions, news.t, news.value, news.size, news.offsets
  FROM tidemark_news(p_series, v_storages, p_after, array_fill(v_newest, ARRAY[cardinality(p_series)]), p_versions_max, p_blocks_max) AS news;
END $$;
