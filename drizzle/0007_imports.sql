CREATE TABLE "import_rejects" (
	"import" integer NOT NULL,
	"place" bigint NOT NULL,
	"line" bigint NOT NULL,
	"column" text,
	"reason" text NOT NULL,
	CONSTRAINT "import_rejects_import_place_pk" PRIMARY KEY("import","place")
);
--> statement-breakpoint
CREATE TABLE "import_series" (
	"import" integer NOT NULL,
	"n" integer NOT NULL,
	"key" text NOT NULL,
	CONSTRAINT "import_series_import_n_pk" PRIMARY KEY("import","n")
);
--> statement-breakpoint
CREATE TABLE "import_stages" (
	"import" integer NOT NULL,
	"stage" uuid NOT NULL,
	"generation" integer NOT NULL,
	"blocks" integer NOT NULL,
	CONSTRAINT "import_stages_import_stage_pk" PRIMARY KEY("import","stage")
);
--> statement-breakpoint
CREATE TABLE "import_summaries" (
	"import" integer NOT NULL,
	"group_by" text NOT NULL,
	"of" text NOT NULL,
	"fn" text NOT NULL,
	"groups" jsonb,
	"problem" text,
	"asked_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "import_summaries_import_group_by_of_fn_pk" PRIMARY KEY("import","group_by","of","fn")
);
--> statement-breakpoint
CREATE TABLE "imports" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "imports_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"upload" text NOT NULL,
	"filename" text NOT NULL,
	"status" text NOT NULL,
	"input" jsonb NOT NULL,
	"work" text,
	"same_as" integer,
	"plan" jsonb,
	"task" text DEFAULT 'COMMIT' NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	"heartbeat_at" timestamp with time zone,
	"cancel_asked" boolean DEFAULT false NOT NULL,
	"place" jsonb,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"rows" bigint DEFAULT 0 NOT NULL,
	"accepted" bigint DEFAULT 0 NOT NULL,
	"rejected_count" bigint DEFAULT 0 NOT NULL,
	"unchanged" bigint DEFAULT 0 NOT NULL,
	"changed" bigint DEFAULT 0 NOT NULL,
	"created_count" integer DEFAULT 0 NOT NULL,
	"moved_count" integer DEFAULT 0 NOT NULL,
	"moved" jsonb DEFAULT '[]' NOT NULL,
	"from_revision" bigint,
	"to_revision" bigint,
	"undone_revision" bigint,
	"restored" bigint DEFAULT 0 NOT NULL,
	"kept" bigint DEFAULT 0 NOT NULL,
	"problem" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"version" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "uploads" (
	"id" text PRIMARY KEY NOT NULL,
	"filename" text NOT NULL,
	"size" bigint,
	"claimed_sha256" text,
	"sha256" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"complete_at" timestamp with time zone,
	"gone_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "commits" ADD COLUMN "import" integer;--> statement-breakpoint
CREATE INDEX "imports_upload" ON "imports" USING btree ("upload");--> statement-breakpoint
CREATE INDEX "imports_work" ON "imports" USING btree ("work");--> statement-breakpoint
CREATE INDEX "imports_open" ON "imports" USING btree ("status") WHERE status in ('QUEUED', 'RUNNING');--> statement-breakpoint
CREATE INDEX "uploads_sha256" ON "uploads" USING btree ("sha256");--> statement-breakpoint
CREATE INDEX "uploads_claimed_sha256" ON "uploads" USING btree ("claimed_sha256");--> statement-breakpoint
CREATE INDEX "uploads_there" ON "uploads" USING btree ("created_at") WHERE gone_at is null;--> statement-breakpoint
CREATE INDEX "commits_import" ON "commits" USING btree ("import") WHERE import is not null;