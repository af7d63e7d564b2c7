-- Records the work key of an import (the hash of its file and options). Returns an older import that has done or does the same
-- work; this import then ends as a duplicate of it.
CREATE OR REPLACE FUNCTION tidemark_import_work(p_import int, p_epoch int, p_work text)
RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
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
END $$;
