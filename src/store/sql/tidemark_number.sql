-- Decodes the whole number p_i (0-based) of a packed column, whose first byte is the width of a number in bytes.
CREATE OR REPLACE FUNCTION tidemark_number(p_packed bytea, p_i int)
RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ('x' || lpad(encode(substr(p_packed, p_i * get_byte(p_packed, 0) + 2, get_byte(p_packed, 0)), 'hex'), 16, '0'))::bit(64)::bigint
$$;
