-- Cancels a definition that will never be read again. Its storages are deleted, and their points with them.
CREATE OR REPLACE FUNCTION tidemark_drop_definition(p_id int, p_revision bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE definitions SET state = 'CANCELLED' WHERE id = p_id;
  UPDATE series SET deleted_revision = p_revision
  WHERE id IN (SELECT unnest(storages) FROM definitions WHERE id = p_id) AND deleted_revision IS NULL;
  DELETE FROM lanes WHERE definition = p_id;
  DELETE FROM checkpoints WHERE definition = p_id;
END $$;
