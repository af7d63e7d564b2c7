-- Adds a bundle: definitions that go live together, for a series that may be new. Returns NULL when the catalogue has changed
-- since p_version.
--
-- p_series: {id, key, name, unit, tags}; without an id the series is created.
-- p_definitions: [{series, formula, inputs, upstream, sources, partition, stages, arithmetic}], each after the definitions that
-- it reads. A definition below 0 is the -(i + 1)th of this list; a series of null is p_series.
-- p_cancel: bundles in progress that this one replaces. p_keep: their definitions that continue unchanged as part of this one.
--
-- The notice lists no series, because a definition changes no point: workers see the new version of the catalogue.
CREATE OR REPLACE FUNCTION tidemark_define(
  p_version bigint,
  p_series jsonb,
  p_definitions jsonb,
  p_cancel int[],
  p_keep int[],
  p_announce boolean
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_revision bigint;
  v_series int;
  v_ids int[] := '{}';
  v_id int;
  v_bundle int;
  v_item jsonb;
  v_storages int[];
  v_storage int;
  v_stage int;
BEGIN
  PERFORM pg_advisory_xact_lock(7421, 1);
  IF NOT tidemark_count_catalogue(p_version) THEN
    RETURN NULL;
  END IF;
  v_revision := tidemark_next_revision(NULL);
  IF p_series ->> 'id' IS NULL THEN
    INSERT INTO series (key, kind, name, unit, tags, created_revision)
    VALUES (p_series ->> 'key', 'DERIVED', p_series ->> 'name', p_series ->> 'unit',
      ARRAY(SELECT jsonb_array_elements_text(coalesce(nullif(p_series -> 'tags', 'null'), '[]'))), v_revision)
    ON CONFLICT (key) WHERE deleted_revision IS NULL DO NOTHING
    RETURNING id INTO v_series;
    IF v_series IS NULL THEN
      -- A write has created a source series of this key since the plan was made.
      RAISE EXCEPTION 'series % is there already', p_series ->> 'key' USING ERRCODE = 'unique_violation';
    END IF;
  ELSE
    v_series := (p_series ->> 'id')::int;
    UPDATE series SET name = coalesce(p_series ->> 'name', name), unit = coalesce(p_series ->> 'unit', unit),
      tags = CASE WHEN jsonb_typeof(p_series -> 'tags') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(p_series -> 'tags')) ELSE tags END
    WHERE id = v_series;
  END IF;
  FOR v_id IN SELECT id FROM definitions WHERE bundle = ANY (p_cancel) AND state = 'BUILDING' AND id <> ALL (p_keep) LOOP
    PERFORM tidemark_drop_definition(v_id, v_revision);
  END LOOP;
  FOR v_item IN SELECT item FROM jsonb_array_elements(p_definitions) AS item LOOP
    v_storages := '{}';
    FOR v_stage IN 1 .. (v_item ->> 'stages')::int LOOP
      v_storage := nextval(pg_get_serial_sequence('series', 'id'));
      INSERT INTO series (id, key, kind, created_revision) OVERRIDING SYSTEM VALUE
      VALUES (v_storage, ' storage ' || v_storage, 'STORAGE', v_revision);
      v_storages := v_storages || v_storage;
    END LOOP;
    INSERT INTO definitions (series, formula, bundle, inputs, upstream, sources, partition, storages, arithmetic)
    SELECT coalesce((v_item ->> 'series')::int, v_series), v_item ->> 'formula', coalesce(v_bundle, 0),
      (SELECT coalesce(jsonb_agg(CASE WHEN (input ->> 'definition')::int < 0 THEN input || jsonb_build_object('definition', v_ids[-(input ->> 'definition')::int]) ELSE input END), '[]')
       FROM jsonb_array_elements(v_item -> 'inputs') AS input),
      ARRAY(SELECT CASE WHEN up::int < 0 THEN v_ids[-up::int] ELSE up::int END FROM jsonb_array_elements_text(v_item -> 'upstream') AS up),
      ARRAY(SELECT source::int FROM jsonb_array_elements_text(v_item -> 'sources') AS source),
      (v_item ->> 'partition')::smallint, v_storages, v_item ->> 'arithmetic'
    RETURNING id INTO v_id;
    v_bundle := coalesce(v_bundle, v_id);
    UPDATE definitions SET bundle = v_bundle WHERE id = v_id AND bundle = 0;
    INSERT INTO lanes (definition) VALUES (v_id);
    v_ids := v_ids || v_id;
  END LOOP;
  UPDATE definitions SET bundle = v_bundle WHERE id = ANY (p_keep) AND v_bundle IS NOT NULL;
  PERFORM tidemark_tell(v_revision, p_announce, '[]');
  RETURN jsonb_build_object('revision', v_revision, 'series', v_series, 'definitions', v_ids);
END $$;
