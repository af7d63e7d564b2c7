import { resolve } from 'node:path';
import { usableBinaries } from './binaries.ts';
import { databaseName, ensureCluster, roleName, setPassword } from './cluster.ts';
import { type DataDirectory, findDataDirectory } from './data-directory.ts';
import { faultFrom } from './faults.ts';
import { lockHome } from './home-lock.ts';
import { findPassword, keepPassword, passwordPath } from './password.ts';
import { findPostmaster } from './pid-file.ts';
import { keepPort, portsFor } from './port.ts';
import { adoptPostmaster, startPostmaster, stopPostmaster } from './postmaster.ts';
import { settingsArguments } from './settings.ts';
import { Supervisor } from './supervisor.ts';

export { embeddedPostgresAvailable } from './binaries.ts';

/** A running PostgreSQL whose data are in the home. */
export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** A shell command that opens psql with the password from its file. */
  readonly psql: string;
  /** True when a killed tidemark had left it running. */
  readonly adopted: boolean;
  /** Resolves once the server has stopped and the home is unlocked, after 8 seconds at most. It may be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly home: string;
  /** 0 or undefined: the port of the last start if it is free, else another one. */
  readonly port?: number;
  readonly log?: (line: string) => void;
  /** Settings of postgresql.conf that override the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts or adopts the PostgreSQL of this home. It belongs to this process until `stop`. If it ends or is killed, it is
 * restarted.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const place = findDataDirectory(options.home);
    const release = await lockHome(place.parent, place.home);
    try {
      return await startLocked(place, options, release);
    } catch (error) {
      release();
      throw error;
    }
  } catch (error) {
    throw faultFrom(error, resolve(options.home));
  }
}

async function startLocked(
  place: DataDirectory,
  options: EmbeddedPostgresOptions,
  release: () => void,
): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  const { home, dataDir, account } = place;
  const binaries = usableBinaries(account, home);
  const password = findPassword(home);
  const made = await ensureCluster(place, binaries, password.text);
  const fixedPort = options.port || undefined;
  const launch = {
    place,
    binaries,
    settings: settingsArguments(binaries, options.settings ?? {}),
    choosePort: fixedPort === undefined ? portsFor(home) : (attempt: number) => (attempt === 0 ? fixedPort : undefined),
    log,
  };
  if (password.isNew && !made) {
    const running = findPostmaster(dataDir);
    if (running !== undefined) await stopPostmaster(running, binaries);
    await setPassword(place, binaries, password.text);
  }
  keepPassword(home, password);
  const adopted = await adoptPostmaster(launch, fixedPort);
  const postmaster = adopted ?? (await startPostmaster(launch));
  const how = adopted === undefined ? 'started' : 'found running and adopted';
  const asWhom = account === undefined ? '' : ` as user ${account.name}`;
  log(`PostgreSQL ${how}${asWhom}: pid ${postmaster.pid}, port ${postmaster.port}, data in ${dataDir}`);
  const { port } = postmaster;
  if (fixedPort === undefined) keepPort(home, port);
  const keeper = new Supervisor(launch, postmaster);
  let stopped: Promise<void> | undefined;
  return {
    url: `postgres://${roleName}:${password.text}@127.0.0.1:${port}/${databaseName}`,
    port,
    dataDir,
    psql: `PGPASSWORD=$(cat ${quoted(passwordPath(home))}) psql -h 127.0.0.1 -p ${port} -U ${roleName} ${databaseName}`,
    adopted: adopted !== undefined,
    stop: () => {
      stopped ??= keeper
        .stop()
        .then((current) => stopPostmaster(current, binaries))
        .finally(release);
      return stopped;
    },
  };
}

/** Quotes a text as one shell word. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
