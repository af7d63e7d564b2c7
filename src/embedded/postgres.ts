import { resolve } from 'node:path';
import { usableBinaries } from './binaries.ts';
import { databaseName, ensureCluster, roleName, setPassword } from './cluster.ts';
import { faultFrom } from './faults.ts';
import { Keeper } from './keep.ts';
import { takeLock } from './lock.ts';
import { findPassword, keepPassword, passwordPath } from './password.ts';
import { findPostmaster } from './pid-file.ts';
import { findPlace, type Place } from './place.ts';
import { keepPort, portsFor } from './port.ts';
import { adoptPostmaster, startPostmaster, stopPostmaster } from './postmaster.ts';
import { settingsArguments } from './settings.ts';

export { embeddedPostgresAvailable } from './binaries.ts';

/** A PostgreSQL of our own, whose data lie in the home. */
export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** A shell command that opens psql on it, reading the password from its file. */
  readonly psql: string;
  /** Whether it had been left running by a tidemark that was killed. */
  readonly adopted: boolean;
  /** Resolves once the server is gone and the home is free, after 8 seconds at most; may be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly home: string;
  /** 0 or undefined: that of the last start if it is free, else another. */
  readonly port?: number;
  readonly log?: (line: string) => void;
  /** Settings of postgresql.conf that win over the usual ones. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * Starts, or takes over, the PostgreSQL of this home, which belongs to this process from then on until `stop`. One that
 * ends by itself or is killed is started again.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    const place = findPlace(options.home);
    const release = await takeLock(place.parent, place.home);
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
  place: Place,
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
  const keeper = new Keeper(launch, postmaster);
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

/** As one word of a shell. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
