import { type Binaries, knowsLz4 } from './binaries.ts';
import { unavailable } from './faults.ts';

/** Passed on the command line, so that a change in a new release applies at the next start. */
function usualSettings(binaries: Binaries): Record<string, string> {
  return {
    shared_buffers: '128MB',
    max_connections: '100',
    fsync: 'on',
    synchronous_commit: 'on',
    max_wal_size: '2GB',
    // pglz would cost a commit more time than it saves.
    wal_compression: knowsLz4(binaries) ? 'lz4' : 'off',
    default_toast_compression: knowsLz4(binaries) ? 'lz4' : 'pglz',
    jit: 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
  };
}

/** The settings of the postmaster except its port, in a fixed order: equal texts mean equal settings. */
export function settingsArguments(binaries: Binaries, wanted: Readonly<Record<string, string>>): string[] {
  const ours = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    logging_collector: 'off',
    // Also distinguishes an adopted server of an older package.
    cluster_name: `tidemark-${binaries.version}`,
  };
  return Object.entries({ ...usualSettings(binaries), ...wanted, ...ours }).flatMap(([name, value]) => {
    if (!/^[a-z_][\w.]*$/i.test(name) || name === 'port' || value.includes('"')) {
      throw unavailable(`${name} is not a setting that can be given to the embedded PostgreSQL: leave it out.`);
    }
    return ['-c', `${name}=${value}`];
  });
}
