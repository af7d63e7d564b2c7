-- Takes the next revision. Call it first in a transaction, because it takes the commit lock.
CREATE OR REPLACE FUNCTION tidemark_next_revision(p_note text)
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
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
END $$;
