import { type Line, openLine, requestOf } from './load.ts';

/** Ticks that say when they were sent: so many a call and a second, in some series by turns. */
export interface PaceRequest {
  readonly port: number;
  readonly keys: readonly string[];
  readonly perCall: number;
  readonly perSecond: number;
  readonly millis: number;
}

export interface PaceResult {
  readonly sent: number;
  /** How many waited for a connection when they were due. */
  readonly late: number;
  /** How long the answers took. */
  readonly answers: readonly number[];
}

const connections = 64;
export const ingestQuery = 'mutation($input: IngestTicksInput!) { ingestTicks(input: $input) { revision } }';

/** By the clock that all processes of this machine share: milliseconds, to the microsecond. */
export function wallMillis(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
}

async function pace({ port, keys, perCall, perSecond, millis }: PaceRequest): Promise<PaceResult> {
  const free = await Promise.all(Array.from({ length: connections }, () => openLine(port)));
  const all = [...free];
  let sent = 0;
  let late = 0;
  const answers: number[] = [];
  let last = 0;
  let failure: string | undefined;
  const send = async (line: Line) => {
    const sentAt = wallMillis();
    const ticks = Array.from({ length: perCall }, () => {
      last = Math.max(Math.round((last + 0.001) * 1000) / 1000, sentAt);
      return { series: keys[sent++ % keys.length], t: last, value: 100 + (sent % 997) / 7 };
    });
    const answer = await line.ask(
      requestOf(JSON.stringify({ query: ingestQuery, variables: { input: { createMissing: true, ticks } } }), port),
    );
    answers.push(wallMillis() - sentAt);
    if (answer.includes('"errors"')) failure ??= answer.toString('utf8', 0, 1000);
    free.push(line);
  };
  const started = performance.now();
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      const now = performance.now() - started;
      const due = Math.floor((Math.min(now, millis) * perSecond) / 1000);
      while (sent < due && failure === undefined) {
        const line = free.pop();
        if (!line) {
          late++;
          break;
        }
        send(line).catch(reject);
      }
      if (failure === undefined && (now < millis || free.length < all.length)) return;
      clearInterval(timer);
      if (failure === undefined) resolve();
      else reject(new Error(failure));
    }, 1);
  });
  for (const line of all) line.close();
  return { sent, late, answers };
}

export function servePace(): void {
  process.on('message', (wanted: PaceRequest) => {
    pace(wanted).then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ failure: String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}
