import type { Bell } from '../bell/bell.ts';
import { postgresBell } from '../bell/postgres.ts';
import { checkRedis, redisBell } from '../bell/redis.ts';
import type { Database } from '../store/connect.ts';
import { storeId } from '../store/store-id.ts';
import { log } from './log.ts';

export async function openBell(database: Database, redisUrl: string | undefined): Promise<Bell> {
  const options = { storeId: await storeId(database), log };
  if (redisUrl === undefined) return postgresBell(database.url, options);
  await checkRedis(redisUrl);
  return redisBell(redisUrl, options);
}
