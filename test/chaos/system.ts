import { createDatabase } from '../support/database.ts';
import { freePort, startRedis, type TestRedis } from '../support/redis.ts';
import { Kept } from './kept.ts';

/** Of a worker that starts while Redis is away: its thread for jobs ends, and it with that. */
const redisIsAway = /no answer from Redis|the thread that takes jobs has ended/;

/** Two APIs and some workers, each a process of its own, that share a database and a Redis. */
export interface System {
  readonly urls: readonly string[];
  readonly apis: readonly Kept[];
  readonly workers: readonly Kept[];
  readonly redis: TestRedis;
  up(): Promise<void>;
  /** All that the processes wrote. */
  output(): string;
  /** Those that ended though nobody had asked them to, and errors other than that Redis is away. */
  problems(): string[];
  /** In good order. */
  stop(): Promise<void>;
}

export async function startSystem(workersCount: number): Promise<System> {
  const database = await createDatabase();
  const redis = await startRedis();
  const ports = [await freePort(), await freePort()];
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url };
  const apis = ports.map((port) => new Kept(['--role', 'api', '--port', String(port)], env, 'Try it:'));
  const workers = Array.from({ length: workersCount }, () => new Kept(['--role', 'worker'], env, 'worker is ready'));
  const all = [...apis, ...workers];
  const output = () => all.map((kept) => kept.output).join('');
  const stop = async () => {
    await Promise.all(all.map((kept) => kept.stop()));
    await redis.stop();
    await database.drop();
  };
  let stopped: Promise<void> | undefined;
  return {
    urls: ports.map((port) => `http://127.0.0.1:${port}/graphql`),
    apis,
    workers,
    redis,
    up: async () => void (await Promise.all(all.map((kept) => kept.up()))),
    output,
    problems: () => [
      ...all.flatMap((kept) => kept.surprises),
      ...output()
        .split('\n')
        .filter((line) => line.includes(' error: ') && !redisIsAway.test(line)),
    ],
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}
