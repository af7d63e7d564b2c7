-- Decodes the big-endian float8 number p_i (0-based) that follows the first p_before bytes of a packed column.
CREATE OR REPLACE FUNCTION tidemark_float8(p_packed bytea, p_before int, p_i int)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
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
