import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { median } from './figure.ts';

/** How long this disk takes to flush what a small commit writes; milliseconds. */
export function flushMillis(folder: string): number {
  const path = join(folder, 'flushed');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(8_192, 1);
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    writeSync(file, block, 0, block.length, i * block.length);
    const started = performance.now();
    fdatasyncSync(file);
    times.push(performance.now() - started);
  }
  closeSync(file);
  rmSync(path);
  return median(times);
}

/** The processor time that a process has taken, all its threads; milliseconds. Only Linux tells it this finely. */
export function cpuMillis(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
      const [run] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ');
      return sum + Number(run) / 1e6;
    }, 0);
  } catch {
    return Number.NaN;
  }
}

/** How busy the machine is from here on: processors in use, whoever uses them, and the processes that wanted one. */
export function watchMachine(): () => string {
  const sum = () =>
    cpus().reduce(
      ({ busy, all }, { times }) => {
        const total = times.user + times.nice + times.sys + times.idle + times.irq;
        return { busy: busy + total - times.idle, all: all + total };
      },
      { busy: 0, all: 0 },
    );
  const before = sum();
  return () => {
    const now = sum();
    const part = ((now.busy - before.busy) / Math.max(1, now.all - before.all)) * 100;
    return `machine ${part.toFixed(0)} % busy, load ${loadavg()[0].toFixed(1)} on ${cpus().length} processors`;
  };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
}

/** The memory of a process that is in use; megabytes. */
export function rssMegabytes(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return (Number(pages) * 4096) / 1e6;
}

/** The most memory that it ever had in use; megabytes. Only Linux tells it. */
export function rssMegabytesMax(pid: number): number {
  const kilobytes = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}
