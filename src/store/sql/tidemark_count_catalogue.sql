-- Increments the version of the catalogue. Returns false, and changes nothing, when p_version is given and is no longer the
-- current version. Call it with the commit lock (7421, 1) held.
CREATE OR REPLACE FUNCTION tidemark_count_catalogue(p_version bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE marks SET value = value + 1, at = now() WHERE name = 'catalogue_version' AND (p_version IS NULL OR value = p_version);
  RETURN FOUND;
END $$;
