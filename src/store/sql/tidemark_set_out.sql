-- Returns the newest wave as JSON (see tidemark_wave), then the blocks that may hold changes of storages up to its revision.
CREATE OR REPLACE FUNCTION tidemark_set_out(p_age_millis float8, p_storage int[], p_after bigint[])
RETURNS TABLE (wave text, storage int, after bigint, base bigint, from_t bigint, versions int, t bytea, value bytea, size bytea, offsets bytea)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  v_wave jsonb := tidemark_wave(p_age_millis);
BEGIN
  RETURN QUERY SELECT v_wave::text, NULL::int, NULL::bigint, NULL::bigint, NULL::bigint, NULL::int, NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea;
  RETURN QUERY SELECT NULL::text, changed.* FROM tidemark_changed(p_storage, p_after, (v_wave ->> 'revision')::bigint) AS changed;
END $$;
