-- The schema that the migrations and src/store/sql/ make, as PostgreSQL's catalogue gives it. Nothing runs this file.
-- Written by 'npm run generate'. Hash of its sources and its text: 29af99deb0e927759fadd0d1df495acc3a0092c231e219db2c2c14199df2e3a9

CREATE TABLE batches (
  id uuid NOT NULL,
  answer jsonb NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT batches_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor=0.1);

CREATE TABLE checkpoints (
  definition integer NOT NULL,
  stage smallint NOT NULL,
  t bigint NOT NULL,
  states double precision[] NOT NULL,
  CONSTRAINT checkpoints_definition_stage_t_pk PRIMARY KEY (definition, stage, t)
);

CREATE TABLE commits (
  revision bigint NOT NULL,
  at timestamp(6) with time zone NOT NULL,
  note text,
  import integer,
  CONSTRAINT commits_pkey PRIMARY KEY (revision)
);

CREATE TABLE definitions (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  series integer NOT NULL,
  formula text NOT NULL,
  state text DEFAULT 'BUILDING'::text NOT NULL,
  bundle integer NOT NULL,
  inputs jsonb NOT NULL,
  upstream integer[] NOT NULL,
  sources integer[] NOT NULL,
  partition smallint NOT NULL,
  storages integer[] NOT NULL,
  since bigint,
  until bigint,
  arithmetic text NOT NULL,
  problem text,
  attempts integer DEFAULT 0 NOT NULL,
  retry_at timestamp with time zone,
  changed_version bigint DEFAULT 0 NOT NULL,
  CONSTRAINT definitions_pkey PRIMARY KEY (id)
);

CREATE TABLE fresh_blocks (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  series integer NOT NULL,
  revision bigint,
  stage uuid,
  staged_at timestamp with time zone,
  from_t bigint NOT NULL,
  to_t bigint NOT NULL,
  versions integer NOT NULL,
  t bytea NOT NULL,
  value bytea NOT NULL,
  size bytea
) WITH (autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=2000, autovacuum_vacuum_insert_scale_factor=0.5);
ALTER TABLE fresh_blocks ALTER COLUMN t SET STORAGE EXTERNAL;
ALTER TABLE fresh_blocks ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE fresh_blocks ALTER COLUMN size SET STORAGE EXTERNAL;

CREATE TABLE import_rejects (
  import integer NOT NULL,
  place bigint NOT NULL,
  line bigint NOT NULL,
  "column" text,
  reason text NOT NULL,
  CONSTRAINT import_rejects_import_place_pk PRIMARY KEY (import, place)
);

CREATE TABLE import_requests (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  import integer NOT NULL,
  what text NOT NULL,
  at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  by text,
  CONSTRAINT import_requests_pkey PRIMARY KEY (id)
);

CREATE TABLE import_series (
  import integer NOT NULL,
  n integer NOT NULL,
  key text NOT NULL,
  CONSTRAINT import_series_import_n_pk PRIMARY KEY (import, n)
);

CREATE TABLE import_stages (
  import integer NOT NULL,
  stage uuid NOT NULL,
  generation integer NOT NULL,
  blocks integer NOT NULL,
  CONSTRAINT import_stages_import_stage_pk PRIMARY KEY (import, stage)
);

CREATE TABLE import_summaries (
  import integer NOT NULL,
  group_by text NOT NULL,
  of text NOT NULL,
  fn text NOT NULL,
  groups jsonb,
  problem text,
  asked_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT import_summaries_import_group_by_of_fn_pk PRIMARY KEY (import, group_by, of, fn)
);

CREATE TABLE imports (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  upload text NOT NULL,
  filename text NOT NULL,
  status text NOT NULL,
  input jsonb NOT NULL,
  work text,
  same_as integer,
  plan jsonb,
  task text DEFAULT 'COMMIT'::text NOT NULL,
  epoch integer DEFAULT 0 NOT NULL,
  heartbeat_at timestamp with time zone,
  cancel_asked boolean DEFAULT false NOT NULL,
  place jsonb,
  bytes bigint DEFAULT 0 NOT NULL,
  rows bigint DEFAULT 0 NOT NULL,
  accepted bigint DEFAULT 0 NOT NULL,
  rejected_count bigint DEFAULT 0 NOT NULL,
  unchanged bigint DEFAULT 0 NOT NULL,
  changed bigint DEFAULT 0 NOT NULL,
  created_count integer DEFAULT 0 NOT NULL,
  moved_count integer DEFAULT 0 NOT NULL,
  moved jsonb DEFAULT '[]'::jsonb NOT NULL,
  from_revision bigint,
  to_revision bigint,
  undone_revision bigint,
  restored bigint DEFAULT 0 NOT NULL,
  kept bigint DEFAULT 0 NOT NULL,
  problem text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  ended_at timestamp with time zone,
  version bigint DEFAULT 0 NOT NULL,
  deaths integer DEFAULT 0 NOT NULL,
  CONSTRAINT imports_pkey PRIMARY KEY (id)
);

CREATE TABLE lanes (
  definition integer NOT NULL,
  basis bigint DEFAULT '-1'::integer NOT NULL,
  stops bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  untils bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  step jsonb,
  CONSTRAINT lanes_pkey PRIMARY KEY (definition)
) WITH (fillfactor=50, autovacuum_vacuum_scale_factor=0.1, autovacuum_vacuum_threshold=500);

CREATE TABLE leases (
  partition smallint NOT NULL,
  worker uuid NOT NULL,
  until timestamp with time zone NOT NULL,
  CONSTRAINT leases_pkey PRIMARY KEY (partition)
) WITH (fillfactor=50);

CREATE TABLE marks (
  name text NOT NULL,
  value bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT marks_pkey PRIMARY KEY (name)
);

CREATE TABLE sealed_blocks (
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  series integer NOT NULL,
  from_t bigint NOT NULL,
  to_t bigint NOT NULL,
  base_revision bigint NOT NULL,
  max_revision bigint NOT NULL,
  versions integer NOT NULL,
  points integer NOT NULL,
  t bytea NOT NULL,
  value bytea NOT NULL,
  size bytea,
  offsets bytea,
  summary double precision[] NOT NULL,
  chunks double precision[] NOT NULL,
  CONSTRAINT sealed_blocks_pkey PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_threshold=500);
ALTER TABLE sealed_blocks ALTER COLUMN t SET STORAGE EXTERNAL;
ALTER TABLE sealed_blocks ALTER COLUMN value SET STORAGE EXTERNAL;

CREATE TABLE series (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  key text NOT NULL,
  kind text DEFAULT 'SOURCE'::text NOT NULL,
  name text,
  unit text,
  tags text[] DEFAULT '{}'::text[] NOT NULL,
  created_revision bigint NOT NULL,
  deleted_revision bigint,
  seal_count bigint DEFAULT 0 NOT NULL,
  CONSTRAINT series_pkey PRIMARY KEY (id)
);

CREATE TABLE uploads (
  id text NOT NULL,
  filename text NOT NULL,
  size bigint,
  claimed_sha256 text,
  sha256 text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  complete_at timestamp with time zone,
  gone_at timestamp with time zone,
  CONSTRAINT uploads_pkey PRIMARY KEY (id)
);

CREATE TABLE waves (
  number bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  revision bigint NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT waves_pkey PRIMARY KEY (number)
);

CREATE TABLE workers (
  id uuid NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  CONSTRAINT workers_pkey PRIMARY KEY (id)
);

CREATE TABLE write_keys (
  key text NOT NULL,
  hash text NOT NULL,
  answer jsonb NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT write_keys_pkey PRIMARY KEY (key)
);

-- sequence definitions_id_seq: integer, start 1, increment 1, from 1 to 2147483647, cache 1, owned by definitions.id

-- sequence fresh_blocks_id_seq: bigint, start 1, increment 1, from 1 to 9223372036854775807, cache 1, owned by fresh_blocks.id

-- sequence import_requests_id_seq: bigint, start 1, increment 1, from 1 to 9223372036854775807, cache 1, owned by import_requests.id

-- sequence imports_id_seq: integer, start 1, increment 1, from 1 to 2147483647, cache 1, owned by imports.id

-- sequence sealed_blocks_id_seq: bigint, start 1, increment 1, from 1 to 9223372036854775807, cache 1, owned by sealed_blocks.id

-- sequence series_id_seq: integer, start 1, increment 1, from 1 to 2147483647, cache 1, owned by series.id

-- sequence waves_number_seq: bigint, start 1, increment 1, from 1 to 9223372036854775807, cache 1, owned by waves.number

CREATE INDEX batches_at ON public.batches USING btree (at);

CREATE INDEX commits_at ON public.commits USING btree (at);

CREATE INDEX commits_import ON public.commits USING btree (import) WHERE (import IS NOT NULL);

CREATE INDEX definitions_changed_version ON public.definitions USING btree (changed_version);

CREATE INDEX definitions_series ON public.definitions USING btree (series);

CREATE INDEX definitions_state ON public.definitions USING btree (state);

CREATE INDEX fresh_blocks_series_revision ON public.fresh_blocks USING btree (series, revision);

CREATE INDEX fresh_blocks_stage ON public.fresh_blocks USING btree (stage) WHERE (stage IS NOT NULL);

CREATE INDEX import_requests_import ON public.import_requests USING btree (import, id);

CREATE INDEX imports_open ON public.imports USING btree (status) WHERE (status = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]));

CREATE INDEX imports_upload ON public.imports USING btree (upload);

CREATE INDEX imports_work ON public.imports USING btree (work);

CREATE UNIQUE INDEX sealed_blocks_series_from ON public.sealed_blocks USING btree (series, from_t);

CREATE INDEX sealed_blocks_series_revision ON public.sealed_blocks USING btree (series, max_revision);

CREATE INDEX series_deleted ON public.series USING btree (deleted_revision) WHERE (deleted_revision IS NOT NULL);

CREATE UNIQUE INDEX series_key ON public.series USING btree (key) WHERE (deleted_revision IS NULL);

CREATE INDEX uploads_claimed_sha256 ON public.uploads USING btree (claimed_sha256);

CREATE INDEX uploads_sha256 ON public.uploads USING btree (sha256);

CREATE INDEX uploads_there ON public.uploads USING btree (created_at) WHERE (gone_at IS NULL);

CREATE INDEX write_keys_at ON public.write_keys USING btree (at);

CREATE TRIGGER definitions_changed BEFORE INSERT OR UPDATE OF state, bundle ON public.definitions FOR EACH ROW EXECUTE FUNCTION tidemark_definition_changed();

CREATE TRIGGER series_key_is_free BEFORE INSERT ON public.series FOR EACH ROW WHEN ((new.kind = 'SOURCE'::text)) EXECUTE FUNCTION tidemark_key_is_free();

CREATE OR REPLACE FUNCTION public.tidemark_changed(p_storage integer[], p_after bigint[], p_to bigint)
 RETURNS TABLE(storage integer, after bigint, base bigint, from_t bigint, versions integer, t bytea, value bytea, size bytea, offsets bytea)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET work_mem TO '64MB'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT asked.storage, asked.after, block.* FROM unnest(p_storage, p_after) AS asked (storage, after), LATERAL (
    (SELECT base_revision, from_t, versions, t, value, size, offsets FROM sealed_blocks
     WHERE series = asked.storage AND max_revision > asked.after AND base_revision <= p_to OFFSET 0)
    UNION ALL (SELECT revision, from_t, versions, t, value, size, NULL FROM fresh_blocks
     WHERE series = asked.storage AND revision > asked.after AND revision <= p_to OFFSET 0)) AS block;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_checkpoint(p_definition integer[], p_stage integer[], p_t bigint[], p_start integer[], p_length integer[], p_states double precision[])
 RETURNS void
 LANGUAGE sql
AS $function$
  INSERT INTO checkpoints (definition, stage, t, states)
  SELECT item.definition, item.stage, item.t, p_states[item.first : item.first + item.length - 1]
  FROM unnest(p_definition, p_stage, p_t, p_start, p_length) AS item (definition, stage, t, first, length)
  ON CONFLICT (definition, stage, t) DO UPDATE SET states = excluded.states
$function$;

CREATE OR REPLACE FUNCTION public.tidemark_commit(p_batch uuid, p_checks jsonb, p_revisions jsonb, p_creates jsonb, p_deletes jsonb, p_stages jsonb, p_answers jsonb, p_announce boolean, p_block_revision integer[], p_block_series integer[], p_from bigint[], p_to bigint[], p_versions integer[], p_t bytea[], p_value bytea[], p_size bytea[])
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
BEGIN
  RETURN tidemark_commit_2(p_batch, p_checks, p_revisions, p_creates, p_stages, p_answers, p_announce, p_block_revision, p_block_series,
    p_from, p_to, p_versions, p_t, p_value, p_size);
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_commit_2(p_batch uuid, p_checks jsonb, p_revisions jsonb, p_creates jsonb, p_stages jsonb, p_answers jsonb, p_announce boolean, p_block_revision integer[], p_block_series integer[], p_from bigint[], p_to bigint[], p_versions integer[], p_t bytea[], p_value bytea[], p_size bytea[])
 RETURNS jsonb
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_count_catalogue(p_version bigint)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
BEGIN
  UPDATE marks SET value = value + 1, at = now() WHERE name = 'catalogue_version' AND (p_version IS NULL OR value = p_version);
  RETURN FOUND;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_define(p_version bigint, p_series jsonb, p_definitions jsonb, p_cancel integer[], p_keep integer[], p_announce boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_definition_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  NEW.changed_version := (SELECT value FROM marks WHERE name = 'catalogue_version');
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_delete_series(p_id integer, p_announce boolean)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_derive(p_definitions integer[], p_bases bigint[], p_targets bigint[], p_untils bigint[], p_stages jsonb, p_notice text, p_check_definition integer[], p_check_stage integer[], p_check_t bigint[], p_check_start integer[], p_check_length integer[], p_states double precision[], p_block_series integer[], p_block_revision bigint[], p_from bigint[], p_to bigint[], p_versions integer[], p_t bytea[], p_value bytea[], p_size bytea[])
 RETURNS integer[]
 LANGUAGE plpgsql
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_elsewhere int[];
BEGIN
  -- A worker computes lost rows again, with the same bits, so there is no need to wait for the disk. The commit that ends a
  -- backfill is flushed, and with it everything before it.
  IF jsonb_array_length(p_stages) = 0 THEN
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  PERFORM FROM lanes WHERE definition = ANY (p_definitions) ORDER BY definition FOR UPDATE;
  SELECT array_agg(way.definition) INTO v_elsewhere
  FROM unnest(p_definitions, p_bases) AS way (definition, basis)
  -- The steps of a backfill have stored checkpoints as of its target: only this backfill may continue the lane.
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_drop_definition(p_id integer, p_revision bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  UPDATE definitions SET state = 'CANCELLED' WHERE id = p_id;
  UPDATE series SET deleted_revision = p_revision
  WHERE id IN (SELECT unnest(storages) FROM definitions WHERE id = p_id) AND deleted_revision IS NULL;
  DELETE FROM lanes WHERE definition = p_id;
  DELETE FROM checkpoints WHERE definition = p_id;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_float8(p_packed bytea, p_before integer, p_i integer)
 RETURNS double precision
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_follow(p_series integer[], p_storage integer[], p_after bigint[], p_versions_max integer, p_blocks_max integer)
 RETURNS TABLE(n integer, standing text, told bigint, base bigint, from_t bigint, versions integer, t bytea, value bytea, size bytea, offsets bytea)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET work_mem TO '64MB'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_import_work(p_import integer, p_epoch integer, p_work text)
 RETURNS integer
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_same int;
BEGIN
  PERFORM pg_advisory_xact_lock(7421, 4);
  UPDATE imports SET work = p_work WHERE id = p_import AND epoch = p_epoch AND status = 'RUNNING';
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT id INTO v_same FROM imports
  WHERE work = p_work AND id <> p_import AND same_as IS NULL AND task = 'COMMIT' AND status IN ('QUEUED', 'RUNNING', 'DONE')
    AND (NOT cancel_asked OR from_revision IS NOT NULL)
  ORDER BY id LIMIT 1;
  IF v_same IS NOT NULL THEN
    UPDATE imports SET same_as = v_same, status = 'DONE', ended_at = now(), heartbeat_at = NULL, version = version + 1 WHERE id = p_import;
  END IF;
  RETURN v_same;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_instant(micros bigint)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  SELECT 'epoch'::timestamptz + micros * interval '1 microsecond'
$function$;

CREATE OR REPLACE FUNCTION public.tidemark_key_is_free()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM series WHERE key = NEW.key AND deleted_revision IS NULL AND kind = 'DERIVED') THEN
    RAISE EXCEPTION 'series % is derived', NEW.key USING ERRCODE = 'TM001';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_lease(p_worker uuid, p_seconds double precision, p_partitions integer)
 RETURNS integer[]
 LANGUAGE plpgsql
AS $function$
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
  -- Neighbouring partitions go to different workers: series that were created one after another are often busy together.
  ORDER BY free * 37 % p_partitions LIMIT greatest(0, v_share - (SELECT count(*) FROM leases WHERE worker = p_worker))
  ON CONFLICT DO NOTHING;
  RETURN ARRAY(SELECT partition::int FROM leases WHERE worker = p_worker ORDER BY partition);
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_news(p_series integer[], p_storage integer[], p_after bigint[], p_up_to bigint[], p_versions_max integer, p_blocks_max integer)
 RETURNS TABLE(n integer, told bigint, base bigint, from_t bigint, versions integer, t bytea, value bytea, size bytea, offsets bytea)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET work_mem TO '64MB'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_next_revision(p_note text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_number(p_packed bytea, p_i integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  SELECT ('x' || lpad(encode(substr(p_packed, p_i * get_byte(p_packed, 0) + 2, get_byte(p_packed, 0)), 'hex'), 16, '0'))::bit(64)::bigint
$function$;

CREATE OR REPLACE FUNCTION public.tidemark_release(p_worker uuid)
 RETURNS void
 LANGUAGE sql
AS $function$
  DELETE FROM leases WHERE worker = p_worker;
  DELETE FROM workers WHERE id = p_worker;
$function$;

CREATE OR REPLACE FUNCTION public.tidemark_seal(p_series integer, p_seal_count bigint, p_fresh bigint[], p_sealed bigint[], p_heads jsonb, p_summary double precision[], p_summary_start integer[], p_chunks double precision[], p_chunks_start integer[], p_offsets bytea[], p_from bigint[], p_to bigint[], p_versions integer[], p_t bytea[], p_value bytea[], p_size bytea[])
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_set_out(p_age_millis double precision, p_storage integer[], p_after bigint[])
 RETURNS TABLE(wave text, storage integer, after bigint, base bigint, from_t bigint, versions integer, t bytea, value bytea, size bytea, offsets bytea)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
DECLARE
  v_wave jsonb := tidemark_wave(p_age_millis);
BEGIN
  RETURN QUERY SELECT v_wave::text, NULL::int, NULL::bigint, NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea;
  RETURN QUERY SELECT NULL::text, changed.* FROM tidemark_changed(p_storage, p_after, (v_wave ->> 'revision')::bigint) AS changed;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_standings(p_series integer[], p_sources integer[])
 RETURNS TABLE(definition integer, series integer, storage integer, upstream integer[], since bigint, failed boolean, basis bigint, stops bigint[], untils bigint[], replaces boolean, first_change bigint, newest bigint)
 LANGUAGE plpgsql
 STABLE
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_step(p_definition integer, p_basis bigint, p_count integer, p_step jsonb, p_check_definition integer[], p_check_stage integer[], p_check_t bigint[], p_check_start integer[], p_check_length integer[], p_states double precision[], p_block_series integer[], p_from bigint[], p_to bigint[], p_versions integer[], p_t bytea[], p_value bytea[], p_size bytea[])
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_switch(p_version bigint, p_definitions integer[], p_announce boolean)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_tell(p_revision bigint, p_announce boolean, p_series jsonb)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF p_announce THEN
    PERFORM pg_notify('tidemark', jsonb_strip_nulls(jsonb_build_object('revision', p_revision, 'previous', p_revision - 1, 'series', p_series))::text);
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_unpack(p_base bigint, p_from bigint, p_versions integer, p_t bytea, p_value bytea, p_size bytea, p_offsets bytea)
 RETURNS TABLE(t bigint, value double precision, size double precision, revision bigint)
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
  -- The concatenation detoasts each column once instead of at each access.
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
END $function$;

CREATE OR REPLACE FUNCTION public.tidemark_versions(p_series integer)
 RETURNS TABLE(t bigint, value double precision, size double precision, revision bigint)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  SELECT p.* FROM fresh_blocks AS b, tidemark_unpack(b.revision, b.from_t, b.versions, b.t, b.value, b.size, NULL) AS p
  WHERE b.series = p_series AND b.revision IS NOT NULL
  UNION ALL
  SELECT p.* FROM sealed_blocks AS b, tidemark_unpack(b.base_revision, b.from_t, b.versions, b.t, b.value, b.size, b.offsets) AS p
  WHERE b.series = p_series
$function$;

CREATE OR REPLACE FUNCTION public.tidemark_wave(p_age_millis double precision)
 RETURNS jsonb
 LANGUAGE plpgsql
AS $function$
DECLARE
  v_newest bigint;
  v_wave waves;
BEGIN
  -- A wave that is lost in a crash is opened again, so there is no need to wait for the disk.
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
END $function$;

CREATE VIEW points AS
 SELECT series.key,
    tidemark_instant(current.t) AS t,
    current.value,
    current.size,
    current.revision
   FROM (((series
     LEFT JOIN definitions ON (((definitions.series = series.id) AND (definitions.state = 'LIVE'::text))))
     CROSS JOIN LATERAL ( SELECT COALESCE(definitions.storages[cardinality(definitions.storages)], series.id) AS id) storage)
     CROSS JOIN LATERAL ( SELECT DISTINCT ON (version.t) version.t,
            version.value,
            version.size,
            version.revision
           FROM ( SELECT p.t,
                    p.value,
                    p.size,
                    p.revision
                   FROM fresh_blocks b,
                    LATERAL tidemark_unpack(b.revision, b.from_t, b.versions, b.t, b.value, b.size, NULL::bytea) p(t, value, size, revision)
                  WHERE ((b.series = storage.id) AND (b.revision IS NOT NULL))
                UNION ALL
                 SELECT p.t,
                    p.value,
                    p.size,
                    p.revision
                   FROM sealed_blocks b,
                    LATERAL tidemark_unpack(b.base_revision, b.from_t, b.versions, b.t, b.value, b.size, b.offsets) p(t, value, size, revision)
                  WHERE (b.series = storage.id)) version
          ORDER BY version.t, version.revision DESC) current)
  WHERE ((series.deleted_revision IS NULL) AND (series.kind <> 'STORAGE'::text) AND (current.value <> 'NaN'::double precision));
