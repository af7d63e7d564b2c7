-- What is fresh is compressed with lz4 or not at all: pglz makes a commit three times as slow. What is sealed takes pglz
-- where the server was built without lz4.
DO $$
BEGIN
  ALTER TABLE fresh_blocks ALTER COLUMN t SET COMPRESSION lz4, ALTER COLUMN value SET COMPRESSION lz4, ALTER COLUMN size SET COMPRESSION lz4;
  ALTER TABLE sealed_blocks ALTER COLUMN t SET COMPRESSION lz4, ALTER COLUMN value SET COMPRESSION lz4, ALTER COLUMN size SET COMPRESSION lz4,
    ALTER COLUMN offsets SET COMPRESSION lz4, ALTER COLUMN wide_offsets SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  ALTER TABLE fresh_blocks ALTER COLUMN t SET STORAGE EXTERNAL, ALTER COLUMN value SET STORAGE EXTERNAL, ALTER COLUMN size SET STORAGE EXTERNAL;
  -- Prices hardly get smaller, instants and offsets do.
  ALTER TABLE sealed_blocks ALTER COLUMN value SET STORAGE EXTERNAL;
END $$;
--> statement-breakpoint
-- Both tables turn their rows over: vacuum them before the dead ones outnumber the living.
ALTER TABLE fresh_blocks SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0.5);
--> statement-breakpoint
ALTER TABLE sealed_blocks SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500);
--> statement-breakpoint
ALTER TABLE batches SET (autovacuum_vacuum_scale_factor = 0.1);
--> statement-breakpoint
-- One commit: the lock first, then the numbers, then the rows. PostgreSQL lets the lock go only after the commit can be
-- seen, so whoever sees a revision sees all before it. Either everything is written or nothing: when a check fails, the
-- answer says which writes must be taken out, and the caller commits the others.
--
-- checks: [{write, key, hash, series, base, from, to}]; a key is for idempotency, a base guards a span of a series
-- against versions that came after it. revisions: [{note}], one for each revision to take. creates: [{key, name, unit, tags, at}]
-- and deletes: [{id, at}] of series, where at is an index into revisions. Blocks are flat: for each the index of its
-- revision, its series (or -(i + 1) for creates[i]), the start in the columns (from 1) and the length. stages: [{id, at, series}].
-- answers: [{write, at, key, hash, answer}] to keep for idempotency keys.
CREATE FUNCTION tidemark_commit(
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
  WHERE NOT EXISTS (SELECT FROM series WHERE series.id = wanted.id AND deleted_revision IS NULL);

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
--> statement-breakpoint
-- Replaces blocks of one series by sealed ones that say the same, and by fresh ones for what a pass leaves over. The seal count is the fence: whoever compacts the same
-- series at the same time, or after it was deleted, changes nothing and is told so.
CREATE FUNCTION tidemark_seal(
  p_series int,
  p_seal_count bigint,
  p_fresh bigint[],
  p_sealed bigint[],
  p_heads jsonb,
  p_start int[],
  p_length int[],
  p_t bigint[],
  p_value float8[],
  p_size float8[],
  p_offsets int[],
  p_wide_offsets bigint[],
  p_summary float8[],
  p_summary_start int[],
  p_chunks float8[],
  p_chunks_start int[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_gone int;
BEGIN
  UPDATE series SET seal_count = seal_count + 1 WHERE id = p_series AND seal_count = p_seal_count AND deleted_revision IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM fresh_blocks WHERE id = ANY (p_fresh) AND series = p_series;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  IF v_gone <> cardinality(p_fresh) THEN
    RAISE EXCEPTION 'of % fresh blocks to seal only % were there', cardinality(p_fresh), v_gone;
  END IF;
  DELETE FROM sealed_blocks WHERE id = ANY (p_sealed) AND series = p_series;
  GET DIAGNOSTICS v_gone = ROW_COUNT;
  IF v_gone <> cardinality(p_sealed) THEN
    RAISE EXCEPTION 'of % sealed blocks to replace only % were there', cardinality(p_sealed), v_gone;
  END IF;
  INSERT INTO sealed_blocks (series, from_t, to_t, base_revision, max_revision, versions, points, t, value, size, offsets, wide_offsets, summary, chunks)
  SELECT p_series, flat.t[p_start[i]], flat.t[p_start[i] + p_length[i] - 1], (head ->> 'base')::bigint, (head ->> 'max')::bigint,
    p_length[i], (head ->> 'points')::int,
    flat.t[p_start[i] : p_start[i] + p_length[i] - 1], flat.value[p_start[i] : p_start[i] + p_length[i] - 1],
    CASE WHEN (head ->> 'sized')::boolean THEN flat.size[p_start[i] : p_start[i] + p_length[i] - 1] END,
    CASE WHEN NOT (head ->> 'wide')::boolean AND head ->> 'base' <> head ->> 'max' THEN flat.offsets[p_start[i] : p_start[i] + p_length[i] - 1] END,
    CASE WHEN (head ->> 'wide')::boolean THEN flat.wide_offsets[p_start[i] : p_start[i] + p_length[i] - 1] END,
    p_summary[p_summary_start[i] : p_summary_start[i + 1] - 1], p_chunks[p_chunks_start[i] : p_chunks_start[i + 1] - 1]
  FROM (SELECT p_t[:] AS t, p_value[:] AS value, p_size[:] AS size, p_offsets[:] AS offsets, p_wide_offsets[:] AS wide_offsets OFFSET 0) AS flat,
    jsonb_array_elements(p_heads) WITH ORDINALITY AS block (head, i) WHERE NOT (head ->> 'rest')::boolean;
  INSERT INTO fresh_blocks (series, revision, versions, from_t, to_t, t, value, size)
  SELECT p_series, (head ->> 'base')::bigint, p_length[i], flat.t[p_start[i]], flat.t[p_start[i] + p_length[i] - 1],
    flat.t[p_start[i] : p_start[i] + p_length[i] - 1], flat.value[p_start[i] : p_start[i] + p_length[i] - 1],
    CASE WHEN (head ->> 'sized')::boolean THEN flat.size[p_start[i] : p_start[i] + p_length[i] - 1] END
  FROM (SELECT p_t[:] AS t, p_value[:] AS value, p_size[:] AS size, p_offsets[:] AS offsets, p_wide_offsets[:] AS wide_offsets OFFSET 0) AS flat,
    jsonb_array_elements(p_heads) WITH ORDINALITY AS block (head, i) WHERE (head ->> 'rest')::boolean;
  RETURN true;
END $$;
--> statement-breakpoint
-- An instant of the store, microseconds since 1970, as PostgreSQL's own.
CREATE FUNCTION tidemark_instant(micros bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 'epoch'::timestamptz + micros * interval '1 microsecond'
$$;
--> statement-breakpoint
-- What is current, for psql, Grafana and BI tools.
CREATE VIEW points AS
SELECT series.key, tidemark_instant(current.t) AS t, current.value, nullif(current.size, 'NaN') AS size, current.revision
FROM series
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (version.t) version.t, version.value, version.size, version.revision
  FROM (
    SELECT p.t, p.value, p.size, block.revision
    FROM fresh_blocks AS block, unnest(block.t, block.value, block.size) AS p (t, value, size)
    WHERE block.series = series.id AND block.revision IS NOT NULL
    UNION ALL
    SELECT p.t, p.value, p.size, block.base_revision + coalesce(p.narrow, p.wide, 0)
    FROM sealed_blocks AS block, unnest(block.t, block.value, block.size, block.offsets, block.wide_offsets) AS p (t, value, size, narrow, wide)
    WHERE block.series = series.id
  ) AS version
  ORDER BY version.t, version.revision DESC
) AS current
WHERE series.deleted_revision IS NULL AND current.value <> 'NaN';
--> statement-breakpoint
-- Tells this store apart from others that share a Redis.
INSERT INTO marks (name, value, at) VALUES ('store_id', floor(random() * 9007199254740991)::bigint, now());
