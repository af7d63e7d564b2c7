CREATE TABLE "batches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"answer" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "commits" (
	"revision" bigint PRIMARY KEY NOT NULL,
	"at" timestamp(6) with time zone NOT NULL,
	"note" text
);
--> statement-breakpoint
CREATE TABLE "fresh_blocks" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "fresh_blocks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"series" integer NOT NULL,
	"revision" bigint,
	"stage" uuid,
	"staged_at" timestamp with time zone,
	"from_t" bigint NOT NULL,
	"to_t" bigint NOT NULL,
	"versions" integer NOT NULL,
	"t" bigint[] NOT NULL,
	"value" double precision[] NOT NULL,
	"size" double precision[]
);
--> statement-breakpoint
CREATE TABLE "marks" (
	"name" text PRIMARY KEY NOT NULL,
	"value" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sealed_blocks" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sealed_blocks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"series" integer NOT NULL,
	"from_t" bigint NOT NULL,
	"to_t" bigint NOT NULL,
	"base_revision" bigint NOT NULL,
	"max_revision" bigint NOT NULL,
	"versions" integer NOT NULL,
	"points" integer NOT NULL,
	"t" bigint[] NOT NULL,
	"value" double precision[] NOT NULL,
	"size" double precision[],
	"offsets" integer[],
	"wide_offsets" bigint[],
	"summary" double precision[] NOT NULL,
	"chunks" double precision[] NOT NULL
);
--> statement-breakpoint
CREATE TABLE "series" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "series_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"kind" text DEFAULT 'SOURCE' NOT NULL,
	"name" text,
	"unit" text,
	"tags" text[] DEFAULT '{}' NOT NULL,
	"created_revision" bigint NOT NULL,
	"deleted_revision" bigint,
	"seal_count" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "write_keys" (
	"key" text PRIMARY KEY NOT NULL,
	"hash" text NOT NULL,
	"answer" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "batches_at" ON "batches" USING btree ("at");--> statement-breakpoint
CREATE INDEX "commits_at" ON "commits" USING btree ("at");--> statement-breakpoint
CREATE INDEX "fresh_blocks_series_revision" ON "fresh_blocks" USING btree ("series","revision");--> statement-breakpoint
CREATE INDEX "fresh_blocks_stage" ON "fresh_blocks" USING btree ("stage") WHERE stage is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "sealed_blocks_series_from" ON "sealed_blocks" USING btree ("series","from_t");--> statement-breakpoint
CREATE INDEX "sealed_blocks_series_revision" ON "sealed_blocks" USING btree ("series","max_revision");--> statement-breakpoint
CREATE UNIQUE INDEX "series_key" ON "series" USING btree ("key") WHERE deleted_revision is null;--> statement-breakpoint
CREATE INDEX "series_deleted" ON "series" USING btree ("deleted_revision") WHERE deleted_revision is not null;--> statement-breakpoint
CREATE INDEX "write_keys_at" ON "write_keys" USING btree ("at");