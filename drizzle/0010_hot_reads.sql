-- What each tick asks for is planned once, not at each call: on the way of a tick through here, planning took longer than
-- what was planned. A plan that is kept must not depend on how small a table was when it was made: all goes by an index.
-- As before otherwise; what is only ticks leaves out the rest.
CREATE OR REPLACE FUNCTION tidemark_commit(
  p_batch uuid,
  p_checks jsonb,
  p_revisions jsonb,
  p_creates jsonb,
  p_deletes jsonb,
  p_stages jsonb,
  p_answers jsonb,
  p_announce boolean,
  p_block_revision int[],
  p_block_series int[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS jsonb LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
  -- The import whose revisions these are.
  v_import int := (p_revisions -> 0 ->> 'import')::int;
  v_stages uuid[] := ARRAY(SELECT (item ->> 'id')::uuid FROM jsonb_array_elements(p_stages) AS item);
  -- Nothing but ticks of series that are there.
  v_is_plain boolean := v_import IS NULL AND jsonb_array_length(p_checks) + jsonb_array_length(p_creates) + jsonb_array_length(p_deletes)
    + jsonb_array_length(p_stages) + jsonb_array_length(p_answers) = 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'tidemark_commit needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(7421, 1);

  SELECT answer INTO v_answer FROM batches WHERE id = p_batch;
  IF FOUND THEN
    RETURN v_answer;
  END IF;

  IF v_import IS NOT NULL THEN
    PERFORM FROM imports WHERE id = v_import FOR UPDATE;
  END IF;

  -- One look into the index for each: as NOT EXISTS it would be planned as a walk through all series.
  SELECT jsonb_agg(DISTINCT wanted.id) INTO v_missing FROM unnest(p_block_series) AS wanted (id)
  WHERE wanted.id > 0 AND (SELECT deleted_revision IS NULL FROM series WHERE series.id = wanted.id) IS NOT TRUE;
  IF NOT v_is_plain THEN
    SELECT jsonb_agg(DISTINCT wanted.id) INTO v_missing
    FROM (
      SELECT id::int FROM jsonb_array_elements(v_missing) AS id
      UNION ALL SELECT (item ->> 'id')::int FROM jsonb_array_elements(p_deletes) AS item
      UNION ALL SELECT (item ->> 'series')::int FROM jsonb_array_elements(p_checks) AS item WHERE item ->> 'series' IS NOT NULL
      UNION ALL SELECT id::int FROM jsonb_array_elements(p_stages) AS item, jsonb_array_elements(item -> 'series') AS id WHERE id::int > 0
      UNION ALL SELECT series FROM fresh_blocks WHERE v_import IS NOT NULL AND stage = ANY (v_stages) AND series > 0
    ) AS wanted
    WHERE (SELECT deleted_revision IS NULL FROM series WHERE series.id = wanted.id) IS NOT TRUE;
  END IF;

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
          WHEN item ->> 'import' IS NOT NULL AND NOT EXISTS (
            SELECT FROM imports
            WHERE id = (item ->> 'import')::int AND epoch = (item ->> 'epoch')::int AND status = 'RUNNING'
              AND (NOT cancel_asked OR from_revision IS NOT NULL)
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
  INSERT INTO commits (revision, at, note, import)
  SELECT v_previous + ordinality, v_at, item ->> 'note', (item ->> 'import')::int FROM jsonb_array_elements(p_revisions) WITH ORDINALITY AS item (item);

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

  IF v_import IS NOT NULL THEN
    -- All series that it makes are made with the first of its revisions.
    INSERT INTO series (key, tags, created_revision)
    SELECT made.key, '{}', v_previous + 1
    FROM import_series AS made JOIN imports ON imports.id = made.import
    WHERE imports.id = v_import AND task = 'COMMIT' AND from_revision IS NULL
    ORDER BY n
    ON CONFLICT (key) WHERE deleted_revision IS NULL DO NOTHING;
    UPDATE imports SET
      from_revision = CASE WHEN task = 'UNDO' THEN from_revision ELSE coalesce(from_revision, v_previous + 1) END,
      to_revision = CASE WHEN task = 'UNDO' THEN to_revision ELSE v_previous + jsonb_array_length(p_revisions) END,
      undone_revision = CASE WHEN task = 'UNDO' THEN v_previous + jsonb_array_length(p_revisions) ELSE undone_revision END,
      version = version + 1
    WHERE id = v_import;
    DELETE FROM import_stages WHERE import = v_import AND stage = ANY (v_stages);
  END IF;

  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT CASE WHEN block.series < 0 THEN v_created[-block.series] ELSE block.series END, v_previous + 1 + block.revision,
    block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_block_revision, p_block_series, p_from, p_to, p_versions, p_t, p_value, p_size)
    AS block (revision, series, from_t, to_t, versions, t, value, size);

  IF NOT v_is_plain THEN
    UPDATE series SET deleted_revision = v_previous + 1 + (item ->> 'at')::int
    FROM jsonb_array_elements(p_deletes) AS item WHERE series.id = (item ->> 'id')::int;

    UPDATE fresh_blocks SET revision = v_previous + 1 + (item ->> 'at')::int, stage = NULL, staged_at = NULL,
      series = CASE
        WHEN series > 0 THEN series
        WHEN v_import IS NULL THEN v_created[-series]
        ELSE coalesce((
          SELECT id FROM series AS living
          WHERE deleted_revision IS NULL AND key = (SELECT key FROM import_series WHERE import = v_import AND n = -fresh_blocks.series)), 0)
      END
    FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;
    -- Whoever deleted a series since that the import made deleted what was still to come to it.
    DELETE FROM fresh_blocks WHERE v_import IS NOT NULL AND series = 0;

    INSERT INTO write_keys (key, hash, answer, at)
    SELECT item ->> 'key', item ->> 'hash',
      item -> 'answer' || jsonb_build_object('revision', v_previous + 1 + (item ->> 'at')::int), v_at
    FROM jsonb_array_elements(p_answers) AS item;
  END IF;

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
--> statement-breakpoint
ALTER FUNCTION tidemark_derive(int[], bigint[], bigint[], bigint[], jsonb, text, int[], int[], bigint[], int[], int[], float8[], int[], bigint[], bigint[], bigint[], int[], bytea[], bytea[], bytea[])
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off;
--> statement-breakpoint
-- What became of series, each from behind one revision up to another one, in no order: its blocks with no `told`; 0 when there
-- is more than that, or it is sealed; the revision that it was deleted in, negative when its key was another series' by then.
-- Rows are kept in memory until the last one is found.
CREATE FUNCTION tidemark_news(p_series int[], p_storage int[], p_after bigint[], p_up_to bigint[], p_versions_max int, p_blocks_max int)
RETURNS TABLE (n int, told bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
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
--> statement-breakpoint
-- The blocks that may hold versions of (after, to] of each storage.
CREATE FUNCTION tidemark_changed(p_storage int[], p_after bigint[], p_to bigint)
RETURNS TABLE (storage int, after bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT asked.storage, asked.after, block.* FROM unnest(p_storage, p_after) AS asked (storage, after), LATERAL (
    (SELECT base_revision, from_t, versions, t, value, size, offsets FROM sealed_blocks
     WHERE series = asked.storage AND max_revision > asked.after AND base_revision <= p_to OFFSET 0)
    UNION ALL (SELECT revision, from_t, versions, t, value, size, NULL FROM fresh_blocks
     WHERE series = asked.storage AND revision > asked.after AND revision <= p_to OFFSET 0)) AS block;
END $$;
--> statement-breakpoint
-- Where the definitions stand that answer now: those of some series, of what hangs on some sources, or all; and the newest
-- revision. `first_change` is the first revision behind the basis that changed one of the sources.
CREATE FUNCTION tidemark_standings(p_series int[], p_sources int[])
RETURNS TABLE (definition int, series int, storage int, upstream int[], since bigint, failed boolean, basis bigint, stops bigint[],
  untils bigint[], replaces boolean, first_change bigint, newest bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
--> statement-breakpoint
-- Where series stand, each as JSON (those that are derived), and the newest revision, with n from -1 downwards; and the news of
-- each from behind a revision on up to that one, in one look: what the one says is not older than the other.
CREATE FUNCTION tidemark_follow(p_series int[], p_storage int[], p_after bigint[], p_versions_max int, p_blocks_max int)
RETURNS TABLE (n int, standing text, told bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET work_mem = '64MB' AS $$
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
--> statement-breakpoint
-- The newest wave as JSON, opened as tidemark_wave does it, and then what changed of storages from behind revisions on up to it.
CREATE FUNCTION tidemark_set_out(p_age_millis float8, p_storage int[], p_after bigint[])
RETURNS TABLE (wave text, storage int, after bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  v_wave jsonb := tidemark_wave(p_age_millis);
BEGIN
  RETURN QUERY SELECT v_wave::text, NULL::int, NULL::bigint, NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea;
  RETURN QUERY SELECT NULL::text, changed.* FROM tidemark_changed(p_storage, p_after, (v_wave ->> 'revision')::bigint) AS changed;
END $$;
