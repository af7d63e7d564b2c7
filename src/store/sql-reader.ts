import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';
import { Fault } from '../engine/fault.ts';
import type { Database } from './connect.ts';
import { errorCodeOf } from './retry.ts';

/** A role that may read the view `points`, and nothing else. */
export interface SqlReader {
  readonly name: string;
  readonly password: string;
}

/** Sessions at a time: the server keeps most connections for Tidemark's own processes. */
const connectionsMax = 10;

/** Defaults of the role's sessions. A client may change all but those of a superuser. */
const defaults = {
  default_transaction_read_only: 'on',
  statement_timeout: '30s',
  lock_timeout: '5s',
  // A transaction that stays open keeps PostgreSQL from removing old rows.
  idle_in_transaction_session_timeout: '60s',
};
const defaultsBySuperuser = { temp_file_limit: '1GB' };

/** Functions of PostgreSQL that write, or that could make Tidemark wait, and that every role may call by default. */
const functionsToRevoke = `
  SELECT oid::regprocedure AS signature FROM pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')
    AND (proname ~ '^(lo_|pg_advisory_|pg_try_advisory_)' OR proname IN ('loread', 'lowrite', 'pg_notify', 'pg_logical_emit_message'))`;

const id = (name: string) => pg.escapeIdentifier(name);
const text = (value: string) => pg.escapeLiteral(value);

/**
 * Makes the role, or brings it up to date; without a reader, takes the rights of the one made earlier. On the embedded
 * PostgreSQL, which nobody else uses, also takes from all roles what would let them write.
 */
export async function setSqlReader(
  database: Database,
  reader: SqlReader | undefined,
  { embedded }: { readonly embedded: boolean },
): Promise<void> {
  const client = await database.pool.connect();
  let broken = true;
  try {
    await client.query('BEGIN');
    // Processes that start together wait for each other here, as in migrations.
    await client.query('SELECT pg_advisory_xact_lock(7421, 2)');
    await setWithin(client, reader, embedded);
    await client.query('COMMIT');
    broken = false;
  } catch (error) {
    if (errorCodeOf(error) !== '42501') throw error;
    throw new Fault(
      'UNAVAILABLE',
      `SQL_READER: the user of DATABASE_URL may not set up the role (${(error as Error).message}). ${byHand}`,
    );
  } finally {
    client.release(broken);
  }
}

const byHand =
  "GRANT it CREATEROLE, or leave SQL_READER out and let an administrator do it once: CREATE ROLE name LOGIN PASSWORD '...' CONNECTION LIMIT 10; GRANT SELECT ON points TO name.";

async function setWithin(client: pg.PoolClient, reader: SqlReader | undefined, embedded: boolean): Promise<void> {
  const {
    rows: [{ mark, user, schema, superuser, creates }],
  } = await client.query(
    `SELECT 'Reads the view points of Tidemark in database ' || current_database() AS mark, current_user AS user,
       current_schema() AS schema, rolsuper AS superuser, rolsuper OR rolcreaterole AS creates
     FROM pg_roles WHERE rolname = current_user`,
  );
  const { rows: roles } = await client.query(
    `SELECT rolname AS name, shobj_description(oid, 'pg_authid') AS mark, rolcanlogin AS active
     FROM pg_roles WHERE rolname = $1 OR shobj_description(oid, 'pg_authid') = $2`,
    [reader?.name ?? null, mark],
  );
  for (const { name } of roles.filter((role) => role.active && role.mark === mark && role.name !== reader?.name)) {
    await client.query(`REVOKE SELECT ON points FROM ${id(name)}`);
    await client.query(`ALTER ROLE ${id(name)} NOLOGIN`);
  }
  if (reader === undefined) return;
  const found = roles.find(({ name }) => name === reader.name);
  if (found !== undefined && found.mark !== mark) {
    throw new Fault(
      'UNAVAILABLE',
      `SQL_READER: PostgreSQL has a role ${reader.name} that was not made for this setting, so it is left as it is. Choose another name.`,
    );
  }
  if (!creates) throw new Fault('UNAVAILABLE', `SQL_READER: the user ${user} may not create roles. ${byHand}`);
  const role = id(reader.name);
  const rights = `LOGIN NOINHERIT CONNECTION LIMIT ${connectionsMax} PASSWORD ${text(verifierOf(reader.password))}`;
  await client.query(`${found === undefined ? 'CREATE' : 'ALTER'} ROLE ${role} ${rights}`);
  if (found === undefined) await client.query(`COMMENT ON ROLE ${role} IS ${text(mark)}`);
  for (const [name, value] of Object.entries(superuser ? { ...defaults, ...defaultsBySuperuser } : defaults))
    await client.query(`ALTER ROLE ${role} SET ${name} = ${text(value)}`);
  await client.query(`GRANT USAGE ON SCHEMA ${id(schema)} TO ${role}`);
  await client.query(`GRANT SELECT ON points TO ${role}`);
  if (embedded) await closeEmbedded(client);
}

/** Takes away the rights that PostgreSQL gives every role by default. */
async function closeEmbedded(client: pg.PoolClient): Promise<void> {
  const { rows: databases } = await client.query(
    'SELECT datname AS name, datname = current_database() AS own FROM pg_database WHERE datallowconn',
  );
  for (const { name, own } of databases)
    await client.query(`REVOKE ${own ? 'TEMPORARY' : 'CONNECT, TEMPORARY'} ON DATABASE ${id(name)} FROM PUBLIC`);
  const { rows: functions } = await client.query<{ signature: string }>(functionsToRevoke);
  for (const { signature } of functions) await client.query(`REVOKE EXECUTE ON FUNCTION ${signature} FROM PUBLIC`);
}

/** The form in which PostgreSQL stores a password (SCRAM-SHA-256): the password itself could come into a log of statements. */
function verifierOf(password: string): string {
  const iterations = 4_096;
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (label: string) => createHmac('sha256', salted).update(label).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}
