CREATE TABLE "checkpoints" (
	"definition" integer NOT NULL,
	"stage" smallint NOT NULL,
	"t" bigint NOT NULL,
	"states" double precision[] NOT NULL,
	CONSTRAINT "checkpoints_definition_stage_t_pk" PRIMARY KEY("definition","stage","t")
);
--> statement-breakpoint
CREATE TABLE "definitions" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "definitions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"series" integer NOT NULL,
	"formula" text NOT NULL,
	"state" text DEFAULT 'BUILDING' NOT NULL,
	"bundle" integer NOT NULL,
	"inputs" jsonb NOT NULL,
	"upstream" integer[] NOT NULL,
	"sources" integer[] NOT NULL,
	"partition" smallint NOT NULL,
	"storages" integer[] NOT NULL,
	"since" bigint,
	"until" bigint,
	"arithmetic" text NOT NULL,
	"problem" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"retry_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "lanes" (
	"definition" integer PRIMARY KEY NOT NULL,
	"basis" bigint DEFAULT -1 NOT NULL,
	"stops" bigint[] DEFAULT '{}' NOT NULL,
	"untils" bigint[] DEFAULT '{}' NOT NULL,
	"step" jsonb
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"partition" smallint PRIMARY KEY NOT NULL,
	"worker" uuid NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "waves" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "waves_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"revision" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seen_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "definitions_series" ON "definitions" USING btree ("series");--> statement-breakpoint
CREATE INDEX "definitions_state" ON "definitions" USING btree ("state");