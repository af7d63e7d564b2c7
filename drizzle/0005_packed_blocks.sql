-- Columns of blocks become packed: src/store/packed.ts says how numbers lie in them.
DROP VIEW points;
--> statement-breakpoint
CREATE FUNCTION tidemark_pack(p_values float8[]) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT string_agg(float8send(value), '' ORDER BY i) FROM unnest(p_values) WITH ORDINALITY AS item (value, i)
$$;
--> statement-breakpoint
CREATE FUNCTION tidemark_pack_offsets(p_offsets bigint[]) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT '\x07'::bytea || string_agg(substr(int8send(value), 2), '' ORDER BY i) FROM unnest(p_offsets) WITH ORDINALITY AS item (value, i)
$$;
--> statement-breakpoint
ALTER TABLE fresh_blocks
  ALTER COLUMN t SET DATA TYPE bytea USING '\x08'::bytea || tidemark_pack(t::float8[]),
  ALTER COLUMN value SET DATA TYPE bytea USING tidemark_pack(value),
  ALTER COLUMN size SET DATA TYPE bytea USING tidemark_pack(size);
--> statement-breakpoint
ALTER TABLE sealed_blocks
  ALTER COLUMN t SET DATA TYPE bytea USING '\x08'::bytea || tidemark_pack(t::float8[]),
  ALTER COLUMN value SET DATA TYPE bytea USING tidemark_pack(value),
  ALTER COLUMN size SET DATA TYPE bytea USING tidemark_pack(size),
  ALTER COLUMN offsets SET DATA TYPE bytea USING tidemark_pack_offsets(coalesce(offsets::bigint[], wide_offsets)),
  DROP COLUMN wide_offsets;
--> statement-breakpoint
DROP FUNCTION tidemark_pack(float8[]), tidemark_pack_offsets(bigint[]);
--> statement-breakpoint
-- Where the server was built with lz4, columns are compressed with it. pglz would make a commit three times as slow: without
-- lz4 nothing is compressed but what gets much smaller.
DO $$
BEGIN
  ALTER TABLE fresh_blocks ALTER COLUMN t SET COMPRESSION lz4, ALTER COLUMN value SET COMPRESSION lz4, ALTER COLUMN size SET COMPRESSION lz4;
  ALTER TABLE sealed_blocks ALTER COLUMN t SET COMPRESSION lz4, ALTER COLUMN value SET COMPRESSION lz4, ALTER COLUMN size SET COMPRESSION lz4,
    ALTER COLUMN offsets SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  ALTER TABLE fresh_blocks ALTER COLUMN t SET STORAGE EXTERNAL, ALTER COLUMN value SET STORAGE EXTERNAL, ALTER COLUMN size SET STORAGE EXTERNAL;
  ALTER TABLE sealed_blocks ALTER COLUMN t SET STORAGE EXTERNAL, ALTER COLUMN value SET STORAGE EXTERNAL;
END $$;
--> statement-breakpoint
-- The number of this place, eight bytes each as float8send gives them, behind so many others.
CREATE FUNCTION tidemark_float8(p_packed bytea, p_before int, p_i int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  v_bits bigint := ('x' || encode(substr(p_packed, p_before + p_i * 8 + 1, 8), 'hex'))::bit(64)::bigint;
  v_exponent int := (v_bits >> 52) & 2047;
  v_fraction bigint := v_bits & 4503599627370495;
  v_value float8;
BEGIN
  v_value := CASE
    WHEN v_exponent = 2047 AND v_fraction <> 0 THEN 'NaN'
    WHEN v_exponent = 2047 THEN 'Infinity'
    WHEN v_exponent = 0 THEN v_fraction * 2.0::float8 ^ -1074
    ELSE (v_fraction + 4503599627370496) * 2.0::float8 ^ (v_exponent - 1075)
  END;
  RETURN CASE WHEN v_bits < 0 THEN -v_value ELSE v_value END;
END $$;
--> statement-breakpoint
-- The whole number of this place, behind the byte that says how many bytes each has.
CREATE FUNCTION tidemark_number(p_packed bytea, p_i int) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ('x' || lpad(encode(substr(p_packed, p_i * get_byte(p_packed, 0) + 2, get_byte(p_packed, 0)), 'hex'), 16, '0'))::bit(64)::bigint
$$;
--> statement-breakpoint
-- What a block says, a row for each of its versions.
CREATE FUNCTION tidemark_unpack(p_base bigint, p_from bigint, p_versions int, p_t bytea, p_value bytea, p_size bytea, p_offsets bytea)
RETURNS TABLE (t bigint, value float8, size float8, revision bigint) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  -- Joined to nothing, they are fetched once for all.
  v_t bytea := p_t || ''::bytea;
  v_value bytea := p_value || ''::bytea;
  v_size bytea := p_size || ''::bytea;
  v_offsets bytea := p_offsets || ''::bytea;
  v_at bigint := p_from;
BEGIN
  FOR i IN 0 .. p_versions - 1 LOOP
    t := CASE
      WHEN get_byte(v_t, 0) = 8 THEN tidemark_float8(v_t, 1, i)::bigint
      WHEN i = 0 THEN p_from
      WHEN octet_length(v_t) = 1 + get_byte(v_t, 0) THEN v_at + tidemark_number(v_t, 0)
      ELSE v_at + tidemark_number(v_t, i - 1)
    END;
    v_at := t;
    value := tidemark_float8(v_value, 0, i);
    size := nullif(tidemark_float8(v_size, 0, i), 'NaN');
    revision := p_base + coalesce(tidemark_number(v_offsets, i), 0);
    RETURN NEXT;
  END LOOP;
END $$;
--> statement-breakpoint
-- All that was ever said of the points that lie under an id, in no order.
CREATE FUNCTION tidemark_versions(p_series int) RETURNS TABLE (t bigint, value float8, size float8, revision bigint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT p.* FROM fresh_blocks AS b, tidemark_unpack(b.revision, b.from_t, b.versions, b.t, b.value, b.size, NULL) AS p
  WHERE b.series = p_series AND b.revision IS NOT NULL
  UNION ALL
  SELECT p.* FROM sealed_blocks AS b, tidemark_unpack(b.base_revision, b.from_t, b.versions, b.t, b.value, b.size, b.offsets) AS p
  WHERE b.series = p_series
$$;
--> statement-breakpoint
-- What is current, for psql, Grafana and BI tools. The points of a derived series lie under its definition's last storage.
CREATE VIEW points AS
SELECT series.key, tidemark_instant(current.t) AS t, current.value, current.size, current.revision
FROM series
LEFT JOIN definitions ON definitions.series = series.id AND definitions.state = 'LIVE'
CROSS JOIN LATERAL (SELECT coalesce(definitions.storages[cardinality(definitions.storages)], series.id) AS id) AS storage
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (version.t) version.t, version.value, version.size, version.revision
  FROM tidemark_versions(storage.id) AS version
  ORDER BY version.t, version.revision DESC
) AS current
WHERE series.deleted_revision IS NULL AND series.kind <> 'STORAGE' AND current.value <> 'NaN';
--> statement-breakpoint
DROP FUNCTION tidemark_commit(uuid, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, int[], int[], int[], int[], bigint[], float8[], float8[], boolean);
--> statement-breakpoint
-- As before; of blocks there are columns now, an element for each: the index of its revision, its series (or -(i + 1) for
-- creates[i]), its first and last instant, how many versions it has, and what they are.
CREATE FUNCTION tidemark_commit(
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

  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT CASE WHEN block.series < 0 THEN v_created[-block.series] ELSE block.series END, v_previous + 1 + block.revision,
    block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_block_revision, p_block_series, p_from, p_to, p_versions, p_t, p_value, p_size)
    AS block (revision, series, from_t, to_t, versions, t, value, size);

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
DROP FUNCTION tidemark_seal(int, bigint, bigint[], bigint[], jsonb, int[], int[], bigint[], float8[], float8[], int[], bigint[], float8[], int[], float8[], int[]);
--> statement-breakpoint
CREATE FUNCTION tidemark_seal(
  p_series int,
  p_seal_count bigint,
  p_fresh bigint[],
  p_sealed bigint[],
  p_heads jsonb,
  p_summary float8[],
  p_summary_start int[],
  p_chunks float8[],
  p_chunks_start int[],
  p_offsets bytea[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
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
  INSERT INTO sealed_blocks (series, from_t, to_t, base_revision, max_revision, versions, points, t, value, size, offsets, summary, chunks)
  SELECT p_series, block.from_t, block.to_t, (head ->> 'base')::bigint, (head ->> 'max')::bigint, block.versions, (head ->> 'points')::int,
    block.t, block.value, block.size, block.offsets,
    p_summary[p_summary_start[i] : p_summary_start[i + 1] - 1], p_chunks[p_chunks_start[i] : p_chunks_start[i + 1] - 1]
  FROM unnest(p_from, p_to, p_versions, p_t, p_value, p_size, p_offsets) WITH ORDINALITY AS block (from_t, to_t, versions, t, value, size, offsets, i),
    LATERAL (SELECT p_heads -> (i::int - 1) AS head) AS said
  WHERE NOT (head ->> 'rest')::boolean;
  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT p_series, (head ->> 'base')::bigint, block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_from, p_to, p_versions, p_t, p_value, p_size) WITH ORDINALITY AS block (from_t, to_t, versions, t, value, size, i),
    LATERAL (SELECT p_heads -> (i::int - 1) AS head) AS said
  WHERE (head ->> 'rest')::boolean;
  RETURN true;
END $$;
--> statement-breakpoint
DROP FUNCTION tidemark_derive(int[], bigint[], bigint[], bigint[], int[], bigint[], int[], int[], bigint[], float8[], jsonb, int[], int[], bigint[], int[], int[], float8[], text);
--> statement-breakpoint
CREATE FUNCTION tidemark_derive(
  p_definitions int[],
  p_bases bigint[],
  p_targets bigint[],
  p_untils bigint[],
  p_stages jsonb,
  p_notice text,
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[],
  p_block_series int[],
  p_block_revision bigint[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
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

  INSERT INTO fresh_blocks (series, revision, from_t, to_t, versions, t, value, size)
  SELECT * FROM unnest(p_block_series, p_block_revision, p_from, p_to, p_versions, p_t, p_value, p_size);

  UPDATE fresh_blocks SET revision = p_targets[1 + (item ->> 'at')::int], stage = NULL, staged_at = NULL
  FROM jsonb_array_elements(p_stages) AS item WHERE stage = (item ->> 'id')::uuid;

  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  IF p_notice IS NOT NULL THEN
    PERFORM pg_notify('tidemark', p_notice);
  END IF;
  RETURN '{}';
END $$;
--> statement-breakpoint
DROP FUNCTION tidemark_step(int, bigint, int, jsonb, int[], int[], int[], bigint[], float8[], int[], int[], bigint[], int[], int[], float8[]);
--> statement-breakpoint
CREATE FUNCTION tidemark_step(
  p_definition int,
  p_basis bigint,
  p_count int,
  p_step jsonb,
  p_check_definition int[],
  p_check_stage int[],
  p_check_t bigint[],
  p_check_start int[],
  p_check_length int[],
  p_states float8[],
  p_block_series int[],
  p_from bigint[],
  p_to bigint[],
  p_versions int[],
  p_t bytea[],
  p_value bytea[],
  p_size bytea[]
) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  UPDATE lanes SET step = p_step WHERE definition = p_definition AND basis = p_basis AND coalesce((step ->> 'count')::int, 0) = p_count;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO fresh_blocks (series, stage, staged_at, from_t, to_t, versions, t, value, size)
  SELECT block.series, (p_step ->> 'stage')::uuid, now(), block.from_t, block.to_t, block.versions, block.t, block.value, block.size
  FROM unnest(p_block_series, p_from, p_to, p_versions, p_t, p_value, p_size) AS block (series, from_t, to_t, versions, t, value, size);
  PERFORM tidemark_checkpoint(p_check_definition, p_check_stage, p_check_t, p_check_start, p_check_length, p_states);
  RETURN true;
END $$;
