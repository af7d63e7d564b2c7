-- Returns every version stored under a series id, in no order.
CREATE OR REPLACE FUNCTION tidemark_versions(p_series int)
RETURNS TABLE (t bigint, value float8, size float8, revision bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT p.* FROM fresh_blocks AS b, tidemark_unpack(b.revision, b.from_t, b.versions, b.t, b.value, b.size, NULL) AS p
  WHERE b.series = p_series AND b.revision IS NOT NULL
  UNION ALL
  SELECT p.* FROM sealed_blocks AS b, tidemark_unpack(b.base_revision, b.from_t, b.versions, b.t, b.value, b.size, b.offsets) AS p
  WHERE b.series = p_series
$$;
