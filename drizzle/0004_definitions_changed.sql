ALTER TABLE "definitions" ADD COLUMN "changed_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "definitions_changed_version" ON "definitions" USING btree ("changed_version");--> statement-breakpoint
-- Who knows the catalogue of a version reads what has changed since. Only under the lock of the line, where the version is counted.
CREATE FUNCTION tidemark_definition_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_version := (SELECT value FROM marks WHERE name = 'catalogue_version');
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER definitions_changed BEFORE INSERT OR UPDATE OF state ON definitions FOR EACH ROW EXECUTE FUNCTION tidemark_definition_changed();
--> statement-breakpoint
DROP FUNCTION tidemark_tell(bigint, boolean);
--> statement-breakpoint
-- p_series: what the revision touched; null when that is too much to say.
CREATE FUNCTION tidemark_tell(p_revision bigint, p_announce boolean, p_series jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF p_announce THEN
    PERFORM pg_notify('tidemark', jsonb_strip_nulls(jsonb_build_object('revision', p_revision, 'previous', p_revision - 1, 'series', p_series))::text);
  END IF;
END $$;
--> statement-breakpoint
-- A definition touches no point: workers see by the version of the catalogue that there is something to do.
CREATE OR REPLACE FUNCTION tidemark_define(p_version bigint, p_series jsonb, p_definitions jsonb, p_cancel int[], p_announce boolean)
RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
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
      -- A source series of this key was made a moment ago: nothing of this holds.
      RAISE EXCEPTION 'series % is there already', p_series ->> 'key' USING ERRCODE = 'unique_violation';
    END IF;
  ELSE
    v_series := (p_series ->> 'id')::int;
    UPDATE series SET name = coalesce(p_series ->> 'name', name), unit = coalesce(p_series ->> 'unit', unit),
      tags = CASE WHEN jsonb_typeof(p_series -> 'tags') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(p_series -> 'tags')) ELSE tags END
    WHERE id = v_series;
  END IF;
  FOR v_id IN SELECT id FROM definitions WHERE bundle = ANY (p_cancel) AND state = 'BUILDING' LOOP
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
  PERFORM tidemark_tell(v_revision, p_announce, '[]');
  RETURN jsonb_build_object('revision', v_revision, 'series', v_series, 'definitions', v_ids);
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION tidemark_switch(p_version bigint, p_definitions int[], p_announce boolean) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_revision bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(7421, 1);
  IF NOT tidemark_count_catalogue(p_version) THEN
    RETURN NULL;
  END IF;
  v_revision := tidemark_next_revision(NULL);
  UPDATE definitions SET state = 'RETIRED', until = v_revision, problem = NULL, retry_at = NULL
  WHERE state = 'LIVE' AND series IN (SELECT series FROM definitions WHERE id = ANY (p_definitions));
  DELETE FROM lanes WHERE definition IN (SELECT id FROM definitions WHERE until = v_revision);
  DELETE FROM checkpoints WHERE definition IN (SELECT id FROM definitions WHERE until = v_revision);
  UPDATE definitions SET state = 'LIVE', since = v_revision, problem = NULL, attempts = 0, retry_at = NULL WHERE id = ANY (p_definitions);
  PERFORM tidemark_tell(v_revision, p_announce,
    (SELECT jsonb_agg(DISTINCT series) FROM definitions WHERE id = ANY (p_definitions) HAVING count(*) <= 500));
  RETURN v_revision;
END $$;
--> statement-breakpoint
CREATE OR REPLACE FUNCTION tidemark_delete_series(p_id int, p_announce boolean) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
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
    -- Asked again after a lost answer.
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
--> statement-breakpoint
CREATE OR REPLACE FUNCTION tidemark_commit(
  p_batch uuid,
  p_checks jsonb,
  p_revisions jsonb,
  p_creates jsonb,
  p_deletes jsonb,
  p_stages jsonb,
  p_answers jsonb,
  p_block_revision int[],
  p_block_series int[],
  p_block_start int[],
  p_block_length int[],
  p_t bigint[],
  p_value float8[],
  p_size float8[],
  p_announce boolean
) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_answer jsonb;
  v_refused jsonb;
  v_missing jsonb;
  v_previous bigint;
  v_at timestamptz;
  v_created int[] := '{}';
  v_was_new boolean[] := '{}';
  v_id int;
  v_item jsonb;
  v_spans jsonb;
  v_notice text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'tidemark_commit needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(7421, 1);

  SELECT answer INTO v_answer FROM batches WHERE id = p_batch;
  IF FOUND THEN
    RETURN v_answer;
  END IF;

  SELECT jsonb_agg(DISTINCT wanted.id) INTO v_missing
  FROM (
    SELECT id FROM unnest(p_block_series) AS id WHERE id > 0
    UNION ALL SELECT (item ->> 'id')::int FROM jsonb_array_elements(p_deletes) AS item
    UNION ALL SELECT (item ->> 'series')::int FROM jsonb_array_elements(p_checks) AS item WHERE item ->> 'series' IS NOT NULL
    UNION ALL SELECT id::int FROM jsonb_array_elements(p_stages) AS item, jsonb_array_elements(item -> 'series') AS id WHERE id::int > 0
  ) AS wanted
  -- One look into the index for each: as NOT EXISTS it would be planned as a walk through all series.
  WHERE (SELECT deleted_revision IS NULL FROM series WHERE series.id = wanted.id) IS NOT TRUE;

  IF jsonb_array_length(p_checks) > 0 THEN
    SELECT jsonb_agg(jsonb_build_object('write', verdict.write, 'why', verdict.why, 'answer', verdict.answer)) INTO v_refused
    FROM (
      SELECT (item ->> 'write')::int AS write,
        CASE
          WHEN known.key IS NOT NULL AND known.hash = item ->> 'hash' THEN 'repeat'
          WHEN known.key IS NOT NULL THEN 'conflict'
          WHEN item ->> 'base' IS NOT NULL AND (
            EXISTS (
              SELECT FROM fresh_blocks
              WHERE series = (item ->> 'series')::int AND revision > (item ->> 'base')::bigint
                AND from_t < (item ->> 'to')::bigint AND to_t >= (item ->> 'from')::bigint)
            OR EXISTS (
              SELECT FROM sealed_blocks
              WHERE series = (item ->> 'series')::int AND max_revision > (item ->> 'base')::bigint
                AND from_t < (item ->> 'to')::bigint AND to_t >= (item ->> 'from')::bigint)
          ) THEN 'stale'
        END AS why,
        known.answer
      FROM jsonb_array_elements(p_checks) AS item
      LEFT JOIN write_keys AS known ON known.key = item ->> 'key'
    ) AS verdict
    WHERE verdict.why IS NOT NULL;
  END IF;
  IF v_missing IS NOT NULL OR v_refused IS NOT NULL THEN
    RETURN jsonb_build_object('refused', coalesce(v_refused, '[]'), 'missing', coalesce(v_missing, '[]'));
  END IF;

  SELECT revision, at INTO v_previous, v_at FROM commits ORDER BY revision DESC LIMIT 1;
  v_previous := coalesce(v_previous, 0);
  v_at := greatest(clock_timestamp(), v_at);
  INSERT INTO commits (revision, at, note)
  SELECT v_previous + ordinality, v_at, item ->> 'note' FROM jsonb_array_elements(p_revisions) WITH ORDINALITY AS item (item);

  FOR v_item IN SELECT item FROM jsonb_array_elements(p_creates) AS item LOOP
    INSERT INTO series (key, name, unit, tags, created_revision)
    VALUES (v_item ->> 'key', v_item ->> 'name', v_item ->> 'unit',
      ARRAY(SELECT jsonb_array_elements_text(v_item -> 'tags')), v_previous + 1 + (v_item ->> 'at')::int)
    ON CONFLICT (key) WHERE deleted_revision IS NULL DO NOTHING
    RETURNING id INTO v_id;
    v_was_new := v_was_new || FOUND;
    IF NOT FOUND THEN
      SELECT id INTO v_id FROM series WHERE key = v_item ->> 'key' AND deleted_revision IS NULL;
    END IF;
    v_created := v_created || v_id;
  END LOOP;

  UPDATE series SET deleted_revision = v_previous + 1 + (item ->> 'at')::int
  FROM jsonb_array_elements(p_deletes) AS item WHERE series.id = (item ->> 'id')::int;

  -- Of a variable, PostgreSQL would make the whole array flat again for every slice; of a row's column it does not.
  INSERT INTO fresh_blocks (series, revision, versions, from_t, to_t, t, value, size)
  SELECT CASE WHEN block.series < 0 THEN v_created[-block.series] ELSE block.series END,
    v_previous + 1 + block.revision, block.length, flat.t[block.first], flat.t[block.first + block.length - 1],
    flat.t[block.first : block.first + block.length - 1], flat.value[block.first : block.first + block.length - 1],
    flat.size[block.first : block.first + block.length - 1]
  FROM (SELECT p_t[:] AS t, p_value[:] AS value, p_size[:] AS size OFFSET 0) AS flat,
    unnest(p_block_revision, p_block_series, p_block_start, p_block_length) AS block (revision, series, first, length);

  UPDATE fresh_blocks SET revision = v_previous + 1 + (item ->> 'at')::int, stage = NULL, staged_at = NULL,
    series = CASE WHEN series < 0 THEN v_created[-series] ELSE series END
  FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;

  INSERT INTO write_keys (key, hash, answer, at)
  SELECT item ->> 'key', item ->> 'hash',
    item -> 'answer' || jsonb_build_object('revision', v_previous + 1 + (item ->> 'at')::int), v_at
  FROM jsonb_array_elements(p_answers) AS item;

  v_answer := jsonb_build_object('previous', v_previous, 'revisions', jsonb_array_length(p_revisions), 'created', v_created, 'new', v_was_new);
  INSERT INTO batches (id, answer, at) VALUES (p_batch, v_answer, v_at);

  IF p_announce THEN
    SELECT jsonb_agg(DISTINCT CASE WHEN id < 0 THEN v_created[-id] ELSE id END) INTO v_spans FROM unnest(p_block_series) AS id;
    v_notice := jsonb_build_object('revision', v_previous + jsonb_array_length(p_revisions), 'previous', v_previous, 'series', v_spans)::text;
    IF octet_length(v_notice) > 7900 OR jsonb_array_length(p_stages) + jsonb_array_length(p_deletes) > 0 THEN
      v_notice := jsonb_build_object('revision', v_previous + jsonb_array_length(p_revisions), 'previous', v_previous)::text;
    END IF;
    PERFORM pg_notify('tidemark', v_notice);
  END IF;
  RETURN v_answer;
END $$;
