-- Makes the definitions of a bundle live and retires the ones before them. Returns the revision from which the new definitions
-- answer, or NULL when the catalogue has changed since p_version.
CREATE OR REPLACE FUNCTION tidemark_switch(p_version bigint, p_definitions int[], p_announce boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
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
END $$;
