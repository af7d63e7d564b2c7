/** One line for people, on standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One line on standard error, with the time, for whoever reads logs. */
export function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line.replace(/\s*\n\s*/g, ' | ')}\n`);
}

/** An error that is ours, once, with its cause and where it came from. */
export function report(error: unknown): void {
  const parts: string[] = [];
  for (
    let cause: unknown = error;
    cause !== undefined && parts.length < 5;
    cause = cause instanceof Error ? cause.cause : undefined
  ) {
    parts.push(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
  }
  log(`error: ${parts.join(' | caused by ')}`);
}
