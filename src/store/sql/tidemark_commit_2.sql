-- Makes one commit: takes the advisory lock, then the next revisions, then writes the rows. PostgreSQL releases the lock after
-- the commit is visible, so a reader that sees a revision sees every revision before it. Either everything is written or
-- nothing: when a check fails, the answer lists the writes to leave out, and the caller commits the others.
--
-- p_checks: [{write, key, hash, series, base, from, to, import, epoch}]. A key is for idempotency; a base guards a span of a
-- series against newer versions; an import must be RUNNING in this epoch.
-- p_revisions: [{note, import}], one for each revision to take. A revision of an import publishes stages of that import: their
-- blocks with a series below 0 belong to the keys in import_series, and the import's row gets its revisions here.
-- p_creates: [{key, name, unit, tags, at}] of series; at is an index into p_revisions.
-- p_stages: [{id, at, series}] to publish. p_answers: [{write, at, key, hash, answer}] to keep for idempotency keys.
-- Blocks are columns with one element for each block: the index of its revision, its series (or -(i + 1) for p_creates[i]),
-- its first and last instant, its number of versions, and the packed t, value and size (src/store/packed.ts).
--
-- Settings: with custom plans, planning a tick took longer than running it. A generic plan must not depend on how small a
-- table was when the plan was made, so every table is read through an index.
CREATE OR REPLACE FUNCTION tidemark_commit_2(
  p_batch uuid,
  p_checks jsonb,
  p_revisions jsonb,
  p_creates jsonb,
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
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
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
  v_series text;
  v_notice text;
  -- The import that these revisions belong to.
  v_import int := (p_revisions -> 0 ->> 'import')::int;
  v_stages uuid[] := ARRAY(SELECT (item ->> 'id')::uuid FROM jsonb_array_elements(p_stages) AS item);
  -- Only blocks of existing series.
  v_is_plain boolean := v_import IS NULL AND jsonb_array_length(p_checks) + jsonb_array_length(p_creates)
    + jsonb_array_length(p_stages) + jsonb_array_length(p_answers) = 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'tidemark_commit_2 needs READ COMMITTED, not %', current_setting('transaction_isolation') USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(7421, 1);

  SELECT answer INTO v_answer FROM batches WHERE id = p_batch;
  IF FOUND THEN
    RETURN v_answer;
  END IF;

  IF v_import IS NOT NULL THEN
    PERFORM FROM imports WHERE id = v_import FOR UPDATE;
  END IF;

  -- The deleted series are listed only when there is one. Each is looked up in the index: NOT EXISTS would be planned as a scan
  -- of all series.
  IF (SELECT count(*) FROM (SELECT deleted_revision FROM series WHERE id = ANY (p_block_series) OFFSET 0) AS found WHERE deleted_revision IS NULL)
    < (SELECT count(DISTINCT id) FROM unnest(p_block_series) AS id WHERE id > 0) THEN
    SELECT jsonb_agg(DISTINCT wanted.id) INTO v_missing FROM unnest(p_block_series) AS wanted (id)
    WHERE wanted.id > 0 AND (SELECT deleted_revision IS NULL FROM series WHERE series.id = wanted.id) IS NOT TRUE;
  END IF;
  IF NOT v_is_plain THEN
    SELECT jsonb_agg(DISTINCT wanted.id) INTO v_missing
    FROM (
      SELECT id::int FROM jsonb_array_elements(v_missing) AS id
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
    -- The first revision of an import creates all of its series.
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

  -- A set-returning function in FROM would be materialized first.
  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT CASE WHEN block.series < 0 THEN v_created[-block.series] ELSE block.series END, v_previous + 1 + block.revision,
    block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM (
    SELECT unnest(p_block_revision) AS revision, unnest(p_block_series) AS series, unnest(p_from) AS from_t, unnest(p_to) AS to_t,
      unnest(p_versions) AS versions, unnest(p_t) AS t, unnest(p_value) AS value, unnest(p_size) AS size) AS block;

  IF NOT v_is_plain THEN
    UPDATE fresh_blocks SET revision = v_previous + 1 + (item ->> 'at')::int, stage = NULL, staged_at = NULL,
      series = CASE
        WHEN series > 0 THEN series
        WHEN v_import IS NULL THEN v_created[-series]
        ELSE coalesce((
          SELECT id FROM series AS living
          WHERE deleted_revision IS NULL AND key = (SELECT key FROM import_series WHERE import = v_import AND n = -fresh_blocks.series)), 0)
      END
    FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;
    -- A series that the import created was deleted since: its remaining blocks are dropped.
    DELETE FROM fresh_blocks WHERE v_import IS NOT NULL AND series = 0;

    INSERT INTO write_keys (key, hash, answer, at)
    SELECT item ->> 'key', item ->> 'hash',
      item -> 'answer' || jsonb_build_object('revision', v_previous + 1 + (item ->> 'at')::int), v_at
    FROM jsonb_array_elements(p_answers) AS item;
  END IF;

  v_answer := jsonb_build_object('previous', v_previous, 'revisions', jsonb_array_length(p_revisions), 'created', v_created, 'new', v_was_new);
  INSERT INTO batches (id, answer, at) VALUES (p_batch, v_answer, v_at);

  IF p_announce THEN
    v_notice := format('{"revision":%s,"previous":%s', v_previous + jsonb_array_length(p_revisions), v_previous);
    -- A notice has room for about 4,000 ids.
    IF cardinality(p_block_series) BETWEEN 1 AND 4000 AND jsonb_array_length(p_stages) = 0 THEN
      v_series := ',"series":[' || array_to_string(CASE WHEN cardinality(v_created) = 0 THEN p_block_series ELSE ARRAY(
        SELECT CASE WHEN id < 0 THEN v_created[-id] ELSE id END FROM unnest(p_block_series) AS id) END, ',') || ']';
    END IF;
    IF octet_length(v_series) <= 7800 THEN
      v_notice := v_notice || v_series;
    END IF;
    PERFORM pg_notify('tidemark', v_notice || '}');
  END IF;
  RETURN v_answer;
END $$;
