import { expect } from 'vitest';
import type { Random } from '../recompute/seeded-random.ts';
import { until } from '../support/program.ts';
import { LineClient } from './line-client.ts';
import { Connection, Subscriber } from './subscriber.ts';
import { anyChanges, anyWanted, derived, long, sources } from './world.ts';

const perSharedSocket = 5;

/** All who follow: three in four as the protocol is written, the others by tidemark/client. */
export class Clients {
  /** The first one follows all sources. */
  readonly subscribers: readonly Subscriber[];
  readonly lines: readonly LineClient[];
  readonly #connections: readonly Connection[];
  /** What came to one of them that should not have, whatever is killed. */
  readonly #faults: string[] = [];

  constructor(urls: readonly string[], count: number, random: Random) {
    const anyUrl = () => urls[random(urls.length)];
    const onFault = (fault: string) => this.#faults.push(fault);
    this.lines = Array.from({ length: count / 4 }, (_, i) => {
      const wanted = i % 8 === 7 ? { series: [long] } : anyChanges(i, random);
      return new LineClient(anyUrl, wanted, onFault);
    });
    const widest = [sources, [...sources, ...derived]].map((series) => new Subscriber({ changes: { series } }));
    // Each is wanted by several, who share what the server reads for them.
    const wanted = Array.from({ length: Math.ceil(count / 3) }, (_, i) => anyWanted(i, random));
    const others = Array.from(
      { length: count - this.lines.length - widest.length },
      (_, i) => wanted[i % wanted.length],
    );
    this.subscribers = [...widest, ...others.map((each) => new Subscriber(each))];
    const alone = this.subscribers.slice(0, count / 2).map((subscriber) => [subscriber]);
    const together: Subscriber[][] = [];
    for (let i = alone.length; i < this.subscribers.length; i += perSharedSocket)
      together.push(this.subscribers.slice(i, i + perSharedSocket));
    this.#connections = [...alone, ...together].map((some) => new Connection(anyUrl, some, onFault));
  }

  cut(isChosen: () => boolean): void {
    for (const each of [...this.#connections, ...this.lines]) if (isChosen()) each.cut();
  }

  /** Until all who are away come back, at once. */
  leave(isChosen: () => boolean): void {
    for (const each of this.#connections) if (isChosen()) each.leave();
  }

  comeBack(): void {
    for (const each of this.#connections) each.comeBack();
  }

  /** Resolves when it is so; fails when one of them is told what it should not be. */
  async until(condition: () => boolean): Promise<void> {
    await until(() => this.#faults.length > 0 || condition());
    expect(this.#faults).toEqual([]);
  }

  async haveReached(revision: number): Promise<void> {
    await this.until(() => [...this.subscribers, ...this.lines].every(({ cursor = 0 }) => cursor >= revision));
  }

  close(): void {
    for (const each of this.#connections) each.leave();
    for (const each of this.lines) each.close();
  }
}
