/** Runs one statement and returns its rows. */
type Query = (text: string) => Promise<Record<string, unknown>[]>;

/**
 * The whole schema of a database as SQL for people: tables, sequences, indexes, triggers, functions, views and comments, as
 * the catalogue of PostgreSQL gives them. Two databases with the same schema give the same text on the same server version.
 */
export async function schemaText(query: Query): Promise<string> {
  const parts: string[] = [];
  for (const statement of [types, tables, sequences, indexes, triggers, functions, views, comments]) {
    for (const row of await query(statement)) parts.push(String(row.text));
  }
  return `${parts.join('\n\n')}\n`;
}

const ours = "'public'::regnamespace";

const types = `
SELECT format('CREATE %s %I %s', CASE typtype WHEN 'e' THEN 'TYPE' WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, typname,
  CASE typtype
    WHEN 'e' THEN 'AS ENUM (' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid) || ')'
    WHEN 'd' THEN 'AS ' || format_type(typbasetype, typtypmod)
    ELSE 'AS RANGE' END) || ';' AS text
FROM pg_type AS t WHERE typnamespace = ${ours} AND typtype IN ('e', 'd', 'r') ORDER BY typname`;

const tables = `
SELECT format(E'CREATE %sTABLE %I (\\n%s\\n)%s;', CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, relname,
    (SELECT string_agg('  ' || line, E',\\n' ORDER BY place, line) FROM (
      SELECT attnum AS place, concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod),
        CASE WHEN attidentity <> '' THEN 'GENERATED ' || CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END || ' AS IDENTITY' END,
        'DEFAULT ' || (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum),
        CASE WHEN attnotnull THEN 'NOT NULL' END) AS line
      FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
      UNION ALL
      SELECT 10000, format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE conrelid = c.oid AND contype NOT IN ('n', 't')
    ) AS lines),
    ' WITH (' || array_to_string(reloptions, ', ') || ')')
  || coalesce((SELECT string_agg(format(E'\\nALTER TABLE %I ALTER COLUMN %I SET %s;', relname, attname, setting), '' ORDER BY attnum, setting)
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid, LATERAL (
      SELECT 'STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END AS setting WHERE attstorage <> typstorage
      UNION ALL SELECT 'COMPRESSION ' || CASE attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END WHERE attcompression <> ''
      UNION ALL SELECT 'STATISTICS ' || attstattarget WHERE attstattarget > 0
      UNION ALL SELECT '(' || array_to_string(attoptions, ', ') || ')' WHERE attoptions IS NOT NULL) AS settings
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), '') AS text
FROM pg_class AS c WHERE relnamespace = ${ours} AND relkind IN ('r', 'p') ORDER BY relname`;

const sequences = `
SELECT format('-- sequence %I: %s, start %s, increment %s, from %s to %s, cache %s%s%s', relname, format_type(seqtypid, NULL), seqstart, seqincrement,
  seqmin, seqmax, seqcache, CASE WHEN seqcycle THEN ', cycle' ELSE '' END,
  ', owned by ' || (SELECT format('%s.%s', refobjid::regclass, attname) FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i'))) AS text
FROM pg_sequence JOIN pg_class AS c ON c.oid = seqrelid WHERE relnamespace = ${ours} ORDER BY relname`;

const indexes = `
SELECT pg_get_indexdef(indexrelid) || ';' AS text
FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
WHERE relnamespace = ${ours} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY relname`;

const triggers = `
SELECT pg_get_triggerdef(t.oid) || ';' AS text
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid WHERE relnamespace = ${ours} AND NOT tgisinternal ORDER BY relname, tgname`;

const functions = `
SELECT trim(trailing E'\\n' FROM pg_get_functiondef(oid)) || ';' AS text
FROM pg_proc WHERE pronamespace = ${ours} AND prokind IN ('f', 'p') ORDER BY proname, pg_get_function_identity_arguments(oid)`;

const views = `
SELECT format(E'CREATE VIEW %I%s AS\\n%s', relname, ' WITH (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid)) AS text
FROM pg_class WHERE relnamespace = ${ours} AND relkind IN ('v', 'm') ORDER BY relname`;

const comments = `
SELECT format('COMMENT ON %s IS %L;', pg_describe_object(classoid, objoid, objsubid), description) AS text
FROM pg_description
WHERE (classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = ${ours}))
  OR (classoid = 'pg_proc'::regclass AND objoid IN (SELECT oid FROM pg_proc WHERE pronamespace = ${ours}))
ORDER BY 1`;
