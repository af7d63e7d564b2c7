import type { Logger } from 'pino';
import type { Bell } from '../bell/bell.ts';
import { postgresBell } from '../bell/postgres.ts';
import { checkRedis, redisBell } from '../bell/redis.ts';
import type { Database } from '../store/connect.ts';
import { storeId } from '../store/store-id.ts';
import { lineLog } from './log.ts';

export async function openBell(database: Database, redisUrl: string | undefined, log: Logger): Promise<Bell> {
  const options = { storeId: await storeId(database), log: lineLog(log, 'warn') };
  if (redisUrl === undefined) return postgresBell(database.url, options);
  await checkRedis(redisUrl);
  return redisBell(redisUrl, options);
}
