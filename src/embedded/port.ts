import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { restoreOwner } from './account.ts';

/** From this port on, the system assigns ports to outgoing connections, which would collide. */
const ephemeralPort = 32_768;

/** Tries the port of the last start first, so that the addresses in clients' settings stay valid; then random ones. */
export function portsFor(home: string): (attempt: number) => number {
  const last = lastPort(home);
  return (attempt) => (attempt === 0 ? last : undefined) ?? randomInt(20_000, 32_000);
}

/** Call it once the server listens on the port. */
export function keepPort(home: string, port: number): void {
  if (port === lastPort(home)) return;
  const path = join(home, 'postgres-port');
  writeFileSync(path, `${port}\n`);
  restoreOwner(path);
}

function lastPort(home: string): number | undefined {
  try {
    const port = Number(readFileSync(join(home, 'postgres-port'), 'utf8'));
    return Number.isInteger(port) && port >= 1_024 && port < ephemeralPort ? port : undefined;
  } catch {
    return undefined;
  }
}
