-- Announces one revision. p_series: the ids of the series that it touched, or NULL when they are too many to list.
CREATE OR REPLACE FUNCTION tidemark_tell(p_revision bigint, p_announce boolean, p_series jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF p_announce THEN
    PERFORM pg_notify('tidemark', jsonb_strip_nulls(jsonb_build_object('revision', p_revision, 'previous', p_revision - 1, 'series', p_series))::text);
  END IF;
END $$;
