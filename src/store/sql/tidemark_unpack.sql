-- Decodes a block into one row for each version.
CREATE OR REPLACE FUNCTION tidemark_unpack(
  p_base bigint,
  p_from bigint,
  p_versions int,
  p_t bytea,
  p_value bytea,
  p_size bytea,
  p_offsets bytea
) RETURNS TABLE (t bigint, value float8, size float8, revision bigint)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
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
END $$;
