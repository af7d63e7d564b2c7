-- Bases change with every wave: leave room to change a row in its place.
ALTER TABLE lanes SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
--> statement-breakpoint
ALTER TABLE leases SET (fillfactor = 50);
--> statement-breakpoint
-- Whatever changes what the series are: counts so that a plan made on an older catalogue is noticed.
INSERT INTO marks (name, value, at) VALUES ('catalogue_version', 0, now());
--> statement-breakpoint
-- Takes the next revision of the line: to be called first of all, for the lock that it takes.
CREATE FUNCTION tidemark_next_revision(p_note text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_previous bigint;
  v_at timestamptz;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a revision needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(7421, 1);
  SELECT revision, at INTO v_previous, v_at FROM commits ORDER BY revision DESC LIMIT 1;
  v_previous := coalesce(v_previous, 0);
  INSERT INTO commits (revision, at, note) VALUES (v_previous + 1, greatest(clock_timestamp(), v_at), p_note);
  RETURN v_previous + 1;
END $$;
--> statement-breakpoint
CREATE FUNCTION tidemark_tell(p_revision bigint, p_announce boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF p_announce THEN
    PERFORM pg_notify('tidemark', jsonb_build_object('revision', p_revision, 'previous', p_revision - 1)::text);
  END IF;
END $$;
--> statement-breakpoint
-- Sees whether the catalogue is still the one that a plan was made on, and counts on; only under the lock of the line.
CREATE FUNCTION tidemark_count_catalogue(p_version bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE marks SET value = value + 1, at = now() WHERE name = 'catalogue_version' AND (p_version IS NULL OR value = p_version);
  RETURN FOUND;
END $$;
--> statement-breakpoint
-- Adds definitions that belong together, of a series that may be new. definitions: [{series, formula, inputs, upstream, sources,
-- partition, stages, arithmetic}], each behind those that it hangs on; a definition below 0 is the -(i + 1)th of the list, and
-- a series of null the new one. Returns null when the catalogue has changed since.
CREATE FUNCTION tidemark_define(p_version bigint, p_series jsonb, p_definitions jsonb, p_cancel int[], p_announce boolean)
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
  PERFORM tidemark_tell(v_revision, p_announce);
  RETURN jsonb_build_object('revision', v_revision, 'series', v_series, 'definitions', v_ids);
END $$;
--> statement-breakpoint
-- A definition that will never be read: its points go with its storages.
CREATE FUNCTION tidemark_drop_definition(p_id int, p_revision bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE definitions SET state = 'CANCELLED' WHERE id = p_id;
  UPDATE series SET deleted_revision = p_revision
  WHERE id IN (SELECT unnest(storages) FROM definitions WHERE id = p_id) AND deleted_revision IS NULL;
  DELETE FROM lanes WHERE definition = p_id;
  DELETE FROM checkpoints WHERE definition = p_id;
END $$;
--> statement-breakpoint
-- From the revision that it returns on, a bundle answers in place of the definitions before it; null when the catalogue has changed.
CREATE FUNCTION tidemark_switch(p_version bigint, p_definitions int[], p_announce boolean) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
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
  PERFORM tidemark_tell(v_revision, p_announce);
  RETURN v_revision;
END $$;
--> statement-breakpoint
-- Deletes a series with what it is made of, unless others are derived from it: then their keys are returned.
CREATE FUNCTION tidemark_delete_series(p_id int, p_announce boolean) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
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
  PERFORM tidemark_tell(v_revision, p_announce);
  RETURN jsonb_build_object('revision', v_revision);
END $$;
--> statement-breakpoint
-- A write that makes its series must not come upon one that was defined a moment ago: its ticks would lie where nobody reads.
CREATE FUNCTION tidemark_key_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM series WHERE key = NEW.key AND deleted_revision IS NULL AND kind = 'DERIVED') THEN
    RAISE EXCEPTION 'series % is derived', NEW.key USING ERRCODE = 'TM001';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER series_key_is_free BEFORE INSERT ON series FOR EACH ROW WHEN (NEW.kind = 'SOURCE') EXECUTE FUNCTION tidemark_key_is_free();
--> statement-breakpoint
-- What lanes are to aim at: the newest wave, a new one if there is something new and the last one is old enough.
CREATE FUNCTION tidemark_wave(p_age_millis float8) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_newest bigint;
  v_wave waves;
BEGIN
  -- Waves are lost with a crash, which costs nothing: nobody waits for the disk.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT coalesce(max(revision), 0) INTO v_newest FROM commits;
  SELECT * INTO v_wave FROM waves ORDER BY number DESC LIMIT 1;
  IF v_wave.number IS NULL OR (v_newest > v_wave.revision AND clock_timestamp() - v_wave.at >= p_age_millis * interval '1 millisecond') THEN
    PERFORM pg_advisory_xact_lock(7421, 2);
    SELECT * INTO v_wave FROM waves ORDER BY number DESC LIMIT 1;
    IF v_wave.number IS NULL OR v_newest > v_wave.revision THEN
      INSERT INTO waves (revision, at) VALUES (v_newest, clock_timestamp()) RETURNING * INTO v_wave;
    END IF;
  END IF;
  RETURN jsonb_build_object('number', v_wave.number, 'revision', v_wave.revision, 'newest', v_newest,
    'ageMillis', extract(epoch FROM clock_timestamp() - v_wave.at) * 1000,
    'version', (SELECT value FROM marks WHERE name = 'catalogue_version'));
END $$;
--> statement-breakpoint
-- Brings lanes from the revisions that they stand at to others, with all that changes: nothing at all if one of them stands
-- elsewhere by now; those are returned. blocks and checkpoints are flat, as in tidemark_commit. stages: [{id, at}] of blocks that
-- lie there already, at an index into definitions.
CREATE FUNCTION tidemark_derive(
  p_definitions int[],
  p_bases bigint[],
  p_targets bigint[],
  p_untils bigint[],
  p_block_series int[],
  p_block_revision bigint[],
  p_block_start int[],
  p_block_length int[],
  p_t bigint[],
  p_value float8[],
  p_stages jsonb,
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[],
  p_notice text
) RETURNS int[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_elsewhere int[];
BEGIN
  -- What a crash takes away here comes back to the bit from what is durable. What is published at the end of a long way
  -- is flushed, and everything before it.
  IF jsonb_array_length(p_stages) = 0 THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  PERFORM FROM lanes WHERE definition = ANY (p_definitions) ORDER BY definition FOR UPDATE;
  SELECT array_agg(way.definition) INTO v_elsewhere
  FROM unnest(p_definitions, p_bases) AS way (definition, basis)
  -- Steps of a long way have stored checkpoints as of where they aim: nobody else goes on from there.
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

  INSERT INTO fresh_blocks (series, revision, versions, from_t, to_t, t, value)
  SELECT block.series, block.revision, block.length, flat.t[block.first], flat.t[block.first + block.length - 1],
    flat.t[block.first : block.first + block.length - 1], flat.value[block.first : block.first + block.length - 1]
  FROM (SELECT p_t[:] AS t, p_value[:] AS value OFFSET 0) AS flat,
    unnest(p_block_series, p_block_revision, p_block_start, p_block_length) AS block (series, revision, first, length);

  UPDATE fresh_blocks SET revision = p_targets[1 + (item ->> 'at')::int], stage = NULL, staged_at = NULL
  FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;

  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  IF p_notice IS NOT NULL THEN
    PERFORM pg_notify('tidemark', p_notice);
  END IF;
  RETURN '{}';
END $$;
--> statement-breakpoint
CREATE FUNCTION tidemark_checkpoint(p_definition int[], p_stage int[], p_t bigint[], p_start int[], p_length int[], p_states float8[])
RETURNS void LANGUAGE sql VOLATILE AS $$
  INSERT INTO checkpoints (definition, stage, t, states)
  SELECT item.definition, item.stage, item.t, p_states[item.first : item.first + item.length - 1]
  FROM unnest(p_definition, p_stage, p_t, p_start, p_length) AS item (definition, stage, t, first, length)
  ON CONFLICT (definition, stage, t) DO UPDATE SET states = excluded.states
$$;
--> statement-breakpoint
-- Says that a worker is there, and returns the partitions that it may hold: its share of those that are free or its own.
CREATE FUNCTION tidemark_lease(p_worker uuid, p_seconds float8, p_partitions int) RETURNS int[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_workers int;
  v_share int;
  v_until timestamptz := clock_timestamp() + p_seconds * interval '1 second';
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock(7421, 3);
  INSERT INTO workers (id, seen_at) VALUES (p_worker, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at;
  DELETE FROM workers WHERE seen_at < clock_timestamp() - p_seconds * interval '1 second';
  SELECT count(*) INTO v_workers FROM workers;
  v_share := (p_partitions + v_workers - 1) / v_workers;
  DELETE FROM leases WHERE leases.until < clock_timestamp() OR partition >= p_partitions
    OR (worker = p_worker AND partition IN (SELECT l.partition FROM leases AS l WHERE l.worker = p_worker ORDER BY l.partition * 37 % p_partitions OFFSET v_share));
  UPDATE leases SET until = v_until WHERE worker = p_worker;
  INSERT INTO leases (partition, worker, until)
  SELECT free, p_worker, v_until FROM generate_series(0, p_partitions - 1) AS free
  WHERE free NOT IN (SELECT partition FROM leases)
  -- Neighbours go to different workers: series that were made one after another are often busy together.
  ORDER BY free * 37 % p_partitions LIMIT greatest(0, v_share - (SELECT count(*) FROM leases WHERE worker = p_worker))
  ON CONFLICT DO NOTHING;
  RETURN ARRAY(SELECT partition::int FROM leases WHERE worker = p_worker ORDER BY partition);
END $$;
--> statement-breakpoint
CREATE FUNCTION tidemark_release(p_worker uuid) RETURNS void LANGUAGE sql VOLATILE AS $$
  DELETE FROM leases WHERE worker = p_worker;
  DELETE FROM workers WHERE id = p_worker;
$$;
--> statement-breakpoint
-- The points of a derived series lie under its definition's last storage.
CREATE OR REPLACE VIEW points AS
SELECT series.key, tidemark_instant(current.t) AS t, current.value, nullif(current.size, 'NaN') AS size, current.revision
FROM series
LEFT JOIN definitions ON definitions.series = series.id AND definitions.state = 'LIVE'
CROSS JOIN LATERAL (SELECT coalesce(definitions.storages[cardinality(definitions.storages)], series.id) AS id) AS storage
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (version.t) version.t, version.value, version.size, version.revision
  FROM (
    SELECT p.t, p.value, p.size, block.revision
    FROM fresh_blocks AS block, unnest(block.t, block.value, block.size) AS p (t, value, size)
    WHERE block.series = storage.id AND block.revision IS NOT NULL
    UNION ALL
    SELECT p.t, p.value, p.size, block.base_revision + coalesce(p.narrow, p.wide, 0)
    FROM sealed_blocks AS block, unnest(block.t, block.value, block.size, block.offsets, block.wide_offsets) AS p (t, value, size, narrow, wide)
    WHERE block.series = storage.id
  ) AS version
  ORDER BY version.t, version.revision DESC
) AS current
WHERE series.deleted_revision IS NULL AND series.kind <> 'STORAGE' AND current.value <> 'NaN';
--> statement-breakpoint
-- A step of a long way: blocks that stay invisible until the lane gets there, and how far it is now. False when another one
-- has gone on from there.
CREATE FUNCTION tidemark_step(
  p_definition int,
  p_basis bigint,
  p_count int,
  p_step jsonb,
  p_block_series int[],
  p_block_start int[],
  p_block_length int[],
  p_t bigint[],
  p_value float8[],
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE lanes SET step = p_step WHERE definition = p_definition AND basis = p_basis AND coalesce((step ->> 'count')::int, 0) = p_count;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO fresh_blocks (series, stage, staged_at, versions, from_t, to_t, t, value)
  SELECT block.series, (p_step ->> 'stage')::uuid, now(), block.length, flat.t[block.first], flat.t[block.first + block.length - 1],
    flat.t[block.first : block.first + block.length - 1], flat.value[block.first : block.first + block.length - 1]
  FROM (SELECT p_t[:] AS t, p_value[:] AS value OFFSET 0) AS flat,
    unnest(p_block_series, p_block_start, p_block_length) AS block (series, first, length);
  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  RETURN true;
END $$;
