/** Prints one line for people on standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
