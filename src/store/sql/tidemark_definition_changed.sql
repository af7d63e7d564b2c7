-- Trigger of definitions: stores the version of the catalogue that changed the row, so that a process which knows an older
-- version reads only the rows changed since. The version is read under the commit lock, where it is incremented.
CREATE OR REPLACE FUNCTION tidemark_definition_changed()
RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_version := (SELECT value FROM marks WHERE name = 'catalogue_version');
  RETURN NEW;
END $$;
