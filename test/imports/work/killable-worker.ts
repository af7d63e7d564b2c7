import type { Database } from '../../../src/store/connect.ts';
import { retryOnConnectionLoss } from '../../../src/store/retry.ts';

export interface Fate {
  /** After so many statements none is made any more. */
  readonly statements: number;
  /** Whether the last one is made, and only its answer lost. */
  readonly lastIsMade: boolean;
  /** 'dies': it never comes back; 'cut': the next statement works again. */
  readonly end: 'dies' | 'cut';
}

/** The connections of a process that dies, or is cut off for a moment, after so many statements. */
export function mortal(database: Database, { statements, lastIsMade, end }: Fate): Database {
  let left = statements;
  const cut = () => Object.assign(new Error('the connection was cut'), { code: 'ECONNRESET' });
  const guarded = async <T>(run: () => Promise<T>, isStatement = true): Promise<T> => {
    left--;
    if (left > 0 || (end === 'cut' && left < 0)) return run();
    if (left === 0 && lastIsMade && isStatement) await run();
    throw end === 'cut' ? cut() : new Error('this process is dead');
  };
  const pool = new Proxy(database.pool, {
    get: (target, name) => {
      const found = Reflect.get(target, name, target);
      if (name !== 'connect') return typeof found === 'function' ? found.bind(target) : found;
      return () => guarded(() => target.connect(), false);
    },
  });
  return {
    ...database,
    pool,
    query: async (text, values = []) =>
      (
        await retryOnConnectionLoss(
          () => guarded(() => database.pool.query(text, [...values])),
          database.patienceMillis,
        )
      ).rows,
  };
}
