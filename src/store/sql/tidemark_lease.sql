-- Registers a worker and returns the partitions that it may hold: its share of the partitions, from its own and the free ones.
CREATE OR REPLACE FUNCTION tidemark_lease(p_worker uuid, p_seconds float8, p_partitions int)
RETURNS int[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_workers int;
  v_share int;
  v_until timestamptz := clock_timestamp() + p_seconds * interval '1 second';
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock(7421, 3);
  INSERT INTO workers (id, seen_at) VALUES (p_worker, clock_timestamp()) ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at;
  DELETE FROM workers WHERE seen_at < clock_timestamp() - p_seconds * interval '1 second';
  SELECT count(*) INTO v_workers FROM workers;
  v_share := (p_partitions + v_workers - 1) / v_workers;
  DELETE FROM leases WHERE leases.until < clock_timestamp() OR partition >= p_partitions
    OR (worker = p_worker AND partition IN (SELECT l.partition FROM leases AS l WHERE l.worker = p_worker ORDER BY l.partition * 37 % p_partitions OFFSET v_share));
  UPDATE leases SET until = v_until WHERE worker = p_worker;
  INSERT INTO leases (partition, worker, until)
  SELECT free, p_worker, v_until FROM generate_series(0, p_partitions - 1) AS free
  WHERE free NOT IN (SELECT partition FROM leases)
  -- Neighbouring partitions go to different workers: series that were created one after another are often busy together.
  ORDER BY free * 37 % p_partitions LIMIT greatest(0, v_share - (SELECT count(*) FROM leases WHERE worker = p_worker))
  ON CONFLICT DO NOTHING;
  RETURN ARRAY(SELECT partition::int FROM leases WHERE worker = p_worker ORDER BY partition);
END $$;
