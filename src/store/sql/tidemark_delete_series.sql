-- Deletes a series and its definitions. When other series are derived from it, it changes nothing and returns their keys.
CREATE OR REPLACE FUNCTION tidemark_delete_series(p_id int, p_announce boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_dependents jsonb;
  v_revision bigint;
  v_id int;
BEGIN
  PERFORM pg_advisory_xact_lock(7421, 1);
  SELECT deleted_revision INTO v_revision FROM series WHERE id = p_id;
  IF NOT FOUND THEN
    RETURN jsonb_build_object('missing', true);
  END IF;
  IF v_revision IS NOT NULL THEN
    -- The caller retries after a lost answer.
    RETURN jsonb_build_object('revision', v_revision);
  END IF;
  SELECT jsonb_agg(DISTINCT dependent.key) INTO v_dependents
  FROM definitions JOIN series AS dependent ON dependent.id = definitions.series
  WHERE definitions.state IN ('BUILDING', 'LIVE') AND definitions.series <> p_id
    AND EXISTS (SELECT FROM jsonb_array_elements(definitions.inputs) AS input WHERE (input ->> 'series')::int = p_id);
  IF v_dependents IS NOT NULL THEN
    RETURN jsonb_build_object('dependents', v_dependents);
  END IF;
  v_revision := tidemark_next_revision(NULL);
  PERFORM tidemark_count_catalogue(NULL);
  UPDATE series SET deleted_revision = v_revision WHERE id = p_id;
  FOR v_id IN SELECT id FROM definitions WHERE series = p_id AND state <> 'CANCELLED' LOOP
    PERFORM tidemark_drop_definition(v_id, v_revision);
  END LOOP;
  PERFORM tidemark_tell(v_revision, p_announce, jsonb_build_array(p_id));
  RETURN jsonb_build_object('revision', v_revision);
END $$;
