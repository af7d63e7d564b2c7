ALTER TABLE "definitions" ADD COLUMN "changed_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "definitions_changed_version" ON "definitions" USING btree ("changed_version");--> statement-breakpoint
-- Who knows the catalogue of a version reads what has changed since. Only under the lock of the line, where the version is counted.
CREATE FUNCTION tidemark_definition_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_version := (SELECT value FROM marks WHERE name = 'catalogue_version');
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER definitions_changed BEFORE INSERT OR UPDATE OF state ON definitions FOR EACH ROW EXECUTE FUNCTION tidemark_definition_changed();
