-- Returns the newest wave, the revision that lanes aim at. Opens a new wave when there is a newer revision and the last wave is
-- older than p_age_millis.
CREATE OR REPLACE FUNCTION tidemark_wave(p_age_millis float8)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
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
END $$;
