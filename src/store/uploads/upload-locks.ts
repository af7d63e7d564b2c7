import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { SerialQueue } from '../../concurrency/serial-queue.ts';

const channel = 'tidemark_uploads';

/** The interval at which a lock that another process holds is tried again. */
const againMillis = 50;

/** The time to wait for a lock. After it, the taker gets LockTaken. */
const waitMillisMax = 10_000;

const silenceMillis = 10_000;

export class LockTaken extends Error {}

export interface Taker {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called when another taker waits for the lock. */
  readonly onAsked: () => void;
  /** Called when the lock is lost. */
  readonly onLost: () => void;
}

interface Holder {
  readonly taker: Taker;
  readonly released: Promise<void>;
  readonly release: () => void;
}

/**
 * Locks that decide which request may write which upload, across processes: advisory locks of one connection, which end
 * with the connection, however the process ends. The holder of a lock learns when another request, in any process,
 * waits for it.
 */
export class UploadLocks {
  readonly #url: string;
  readonly #name = randomUUID();
  readonly #holders = new Map<string, Holder>();
  #client: Promise<pg.Client> | undefined;
  /** A connection takes one statement after another. */
  readonly #statements = new SerialQueue();
  #current: pg.Client | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  holds(id: string, taker: Taker): boolean {
    return this.#holders.get(id)?.taker === taker;
  }

  async take(id: string, taker: Taker): Promise<void> {
    const deadline = Date.now() + waitMillisMax;
    for (let before = this.#holders.get(id); before; before = this.#holders.get(id)) {
      before.taker.onAsked();
      await this.#await(before, deadline, taker);
      if (Date.now() >= deadline) throw new LockTaken();
    }
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const mine: Holder = { taker, released, release };
    this.#holders.set(id, mine);
    try {
      for (let attempt = 0; !(await this.#tryTake(id)); attempt++) {
        if (Date.now() >= deadline) throw new LockTaken();
        if (attempt % 20 === 0) await this.#run('SELECT pg_notify($1, $2)', [channel, `${this.#name} ${id}`]);
        await this.#pause(againMillis, taker);
      }
      if (this.#holders.get(id) !== mine) throw new LockTaken();
    } catch (error) {
      this.#forget(id, mine);
      throw error;
    }
  }

  async release(id: string, taker: Taker): Promise<void> {
    const holder = this.#holders.get(id);
    if (holder?.taker !== taker) return;
    try {
      await this.#run('SELECT pg_advisory_unlock(7423, hashtext($1))', [id]);
    } catch {
      // The lost connection has released the lock.
    }
    this.#forget(id, holder);
  }

  async stop(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    if (client) await this.#lose(client);
  }

  #forget(id: string, holder: Holder): void {
    if (this.#holders.get(id) === holder) this.#holders.delete(id);
    holder.release();
  }

  async #tryTake(id: string): Promise<boolean> {
    const { rows } = await this.#run('SELECT pg_try_advisory_lock(7423, hashtext($1)) AS taken', [id]);
    return rows[0].taken === true;
  }

  async #run(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    this.#client ??= this.#open();
    const opening = this.#client;
    let client: pg.Client;
    try {
      client = await opening;
    } catch (error) {
      if (this.#client === opening) this.#client = undefined;
      throw error;
    }
    try {
      return await this.#statements.run(() => client.query(text, [...values]));
    } catch (error) {
      await this.#lose(client);
      throw error;
    }
  }

  async #open(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'tidemark uploads',
      connectionTimeoutMillis: 5_000,
      query_timeout: silenceMillis,
      keepAlive: true,
    });
    client.on('error', () => void this.#lose(client));
    client.on('end', () => void this.#lose(client));
    client.on('notification', ({ payload = '' }) => {
      const [name, id = ''] = payload.split(' ');
      if (name !== this.#name) this.#holders.get(id)?.taker.onAsked();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#current = client;
    return client;
  }

  /** Losing the connection releases all locks: their holders must stop. */
  async #lose(client: pg.Client): Promise<void> {
    if (this.#current !== client) return;
    this.#current = undefined;
    this.#client = undefined;
    for (const [id, holder] of this.#holders) {
      holder.taker.onLost();
      this.#forget(id, holder);
    }
    await client.end().catch(() => undefined);
  }

  /** Leaves no timer behind when the wait ends early: many requests wait for the same upload, again and again. */
  async #await({ released }: Holder, deadline: number, { signal }: Taker): Promise<void> {
    const over = new AbortController();
    const patience = this.#pause(deadline - Date.now(), { signal: AbortSignal.any([signal, over.signal]) });
    try {
      await Promise.race([released, patience]);
    } finally {
      over.abort();
    }
  }

  async #pause(millis: number, { signal }: Pick<Taker, 'signal'>): Promise<void> {
    try {
      await wait(Math.max(0, millis), undefined, { signal, ref: false });
    } catch {
      throw new LockTaken();
    }
  }
}
