-- Trigger of series: a write that creates its series fails when a derived series has taken the key in the meantime. Otherwise
-- its points would be stored where no query reads them.
--
-- Settings: an import calls it for each series that it creates. It must find the key through the index, however small the table
-- was when the plan was made.
CREATE OR REPLACE FUNCTION tidemark_key_is_free()
RETURNS trigger
LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT FROM series WHERE key = NEW.key AND deleted_revision IS NULL AND kind = 'DERIVED') THEN
    RAISE EXCEPTION 'series % is derived', NEW.key USING ERRCODE = 'TM001';
  END IF;
  RETURN NEW;
END $$;
