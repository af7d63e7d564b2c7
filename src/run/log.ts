import { isatty } from 'node:tty';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.ts';

const standardError = 2;

/** The log of this process on standard error: readable lines at a terminal, otherwise one JSON object per line. */
export function openLog({ logLevel }: Pick<Config, 'logLevel'>, isTerminal = isatty(standardError)): Logger {
  return pino(
    {
      level: logLevel,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: (error: unknown) => causesOf(error).join(' | caused by ') },
    },
    { write: (line) => void process.stderr.write(isTerminal ? readable(line) : line) },
  );
}

/** An error and its causes, each with its stack. */
function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (
    let cause: unknown = error;
    cause !== undefined && causes.length < 5;
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    causes.push(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  }
  return causes;
}

/** '2026-01-05T09:30:00.000Z WARN the worker ended (worker=1)', and below it the stack of an error. */
export function readable(line: string): string {
  const { time, level, msg, pid: _, err, ...rest } = JSON.parse(line);
  const details = Object.entries(rest).map(([name, value]) => `${name}=${value}`);
  const text = `${time} ${String(level).toUpperCase()} ${msg}${details.length > 0 ? ` (${details.join(', ')})` : ''}\n`;
  return err === undefined ? text : `${text}  ${String(err).replace(/\n\s*/g, '\n    ')}\n`;
}

/** The log for code that has lines to tell and knows nothing of levels. */
export function lineLog(log: Logger, level: 'info' | 'warn'): (line: string) => void {
  return (line) => log[level](line.replace(/\s*\n\s*/g, ' | '));
}

/** Logs an error of this program, once, with its causes and the request that caused it. */
export function reporter(log: Logger): (error: unknown, requestId?: string) => void {
  return (error, requestId) => log.error({ err: error, requestId }, 'internal error');
}
