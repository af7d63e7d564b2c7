-- Returns the progress of live definitions: those of p_series, those that read p_sources, or all; and the newest revision.
-- first_change is the first revision after the basis that changed one of the sources.
CREATE OR REPLACE FUNCTION tidemark_standings(p_series int[], p_sources int[])
RETURNS TABLE (definition int, series int, storage int, upstream int[], since bigint, failed boolean, basis bigint, stops bigint[],
  untils bigint[], replaces boolean, first_change bigint, newest bigint)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  v_definitions int[];
BEGIN
  IF p_series IS NOT NULL THEN
    v_definitions := ARRAY(SELECT id FROM definitions WHERE series = ANY (p_series) AND state = 'LIVE');
  ELSIF p_sources IS NOT NULL THEN
    v_definitions := ARRAY(SELECT id FROM definitions WHERE sources && p_sources AND state = 'LIVE');
  ELSE
    v_definitions := ARRAY(SELECT id FROM definitions WHERE state = 'LIVE');
  END IF;
  RETURN QUERY
  SELECT d.id, d.series, d.storages[cardinality(d.storages)], d.upstream, d.since, d.problem IS NOT NULL, l.basis, l.stops, l.untils,
    EXISTS (SELECT FROM definitions AS old WHERE old.series = d.series AND old.state = 'RETIRED'),
    (SELECT min(change.revision) FROM unnest(d.sources) AS source, LATERAL (
       SELECT min(f.revision) AS revision FROM fresh_blocks AS f WHERE f.series = source AND f.revision > l.basis
       UNION ALL SELECT min(greatest(s.base_revision, l.basis + 1)) FROM sealed_blocks AS s WHERE s.series = source AND s.max_revision > l.basis
     ) AS change),
    (SELECT coalesce(max(revision), 0) FROM commits)
  FROM unnest(v_definitions) AS wanted (id),
    LATERAL (SELECT * FROM definitions WHERE definitions.id = wanted.id OFFSET 0) AS d,
    LATERAL (SELECT * FROM lanes WHERE lanes.definition = wanted.id OFFSET 0) AS l;
END $$;
