-- Converts an instant of the store (microseconds since 1970) to timestamptz.
CREATE OR REPLACE FUNCTION tidemark_instant(micros bigint)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 'epoch'::timestamptz + micros * interval '1 microsecond'
$$;
