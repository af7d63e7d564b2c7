import { statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { checkRedis } from '../bell/redis.ts';
import { type Config, uploadsFolder, uploadsSetting } from '../config.ts';
import { embeddedPostgresAvailable } from '../embedded/postgres.ts';
import { Fault } from '../engine/fault.ts';
import { requireFolder } from '../imports/require-folder.ts';
import { checkDatabase } from '../store/migrate.ts';

interface Finding {
  readonly what: string;
  readonly run: () => Promise<string> | string;
}

const freeBytesMin = 1_000_000_000;

function checkFolder(setting: string, wanted: string): string {
  const folder = requireFolder(setting, wanted);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free < freeBytesMin) {
    throw new Fault(
      'UNAVAILABLE',
      `${setting}: ${folder} has only ${Math.round(free / 1e6)} MB left; free some, or choose another disk.`,
    );
  }
  return `${resolve(wanted)}, ${Math.round(free / 1e9)} GB free`;
}

function checkEmbedded(): string {
  const problem = embeddedPostgresAvailable();
  if (problem !== undefined) throw new Fault('UNAVAILABLE', problem);
  return 'its programs are there';
}

async function checkPort(host: string, port: number): Promise<string> {
  await new Promise<void>((done, fail) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      fail(
        new Fault(
          'UNAVAILABLE',
          taken ? `PORT: ${host}:${port} is taken, perhaps by a running Tidemark.` : `HOST: ${error.message}.`,
        ),
      );
    });
    probe.listen(port, host, () => probe.close(() => done()));
  });
  return `${host}:${port} is free`;
}

/** Runs the checks in order and prints a line for each. Returns true when all pass. */
export async function doctor(config: Config, say: (line: string) => void): Promise<boolean> {
  const { databaseUrl, redisUrl } = config;
  const findings: Finding[] = [
    // bin/tidemark.js has already refused older versions.
    { what: 'Node', run: () => process.versions.node },
    ...(databaseUrl === undefined
      ? [
          { what: 'embedded PostgreSQL', run: checkEmbedded },
          { what: 'home', run: () => checkFolder('TIDEMARK_HOME', config.home) },
        ]
      : [{ what: 'PostgreSQL', run: () => checkDatabase(databaseUrl) }]),
    ...(redisUrl === undefined ? [] : [{ what: 'Redis', run: async () => checkRedis(redisUrl).then(() => 'answers') }]),
    { what: 'uploads', run: () => checkFolder(uploadsSetting(config), uploadsFolder(config)) },
    { what: 'port', run: () => checkPort(config.host, config.port) },
  ];
  let well = true;
  for (const { what, run } of findings) {
    try {
      say(`ok    ${what}: ${await run()}`);
    } catch (error) {
      well = false;
      say(`fail  ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return well;
}
