/**
 * The migration 0003 was changed on the day that it was written. A database that ran its first edition has no
 * tidemark_key_is_free and no trigger for it, but 0008 alters that function. Run before the migrations; the SQL file of the
 * function replaces the body after them.
 */
export const completeEarlyEditions = `DO $$
BEGIN
  IF to_regclass('lanes') IS NOT NULL AND to_regproc('tidemark_key_is_free') IS NULL THEN
    CREATE FUNCTION tidemark_key_is_free() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER series_key_is_free BEFORE INSERT ON series FOR EACH ROW WHEN (NEW.kind = 'SOURCE') EXECUTE FUNCTION tidemark_key_is_free();
  END IF;
END $$`;
