-- Removes a worker and frees its partitions.
CREATE OR REPLACE FUNCTION tidemark_release(p_worker uuid)
RETURNS void
LANGUAGE sql VOLATILE AS $$
  DELETE FROM leases WHERE worker = p_worker;
  DELETE FROM workers WHERE id = p_worker;
$$;
