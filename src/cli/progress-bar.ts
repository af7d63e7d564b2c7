/** The output for progress: standard error, so that standard output contains only results. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const barWidth = 24;
const redrawMillis = 100;
/** Without a terminal, a shorter task prints no progress line. */
const lineMillis = 5_000;

/** Formats 1234567 as 1.2 MB. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1_000 ** power).toFixed(1)} ${units[power]}`;
}

function bar(part: number): string {
  const full = Math.round(part * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${Math.floor(part * 100)
    .toString()
    .padStart(3)} %`;
}

/** A line that a terminal redraws; elsewhere it is printed now and then. */
export class ProgressBar {
  readonly #screen: Screen;
  readonly #name: string;
  readonly #millis: number;
  #phase = '';
  #shownAt: number;
  #isDrawn = false;

  constructor(screen: Screen, name: string, millis = screen.isTTY === true ? redrawMillis : lineMillis) {
    this.#screen = screen;
    this.#name = name;
    this.#millis = millis;
    this.#shownAt = screen.isTTY === true ? Number.NEGATIVE_INFINITY : performance.now();
  }

  /** `part` is a share from 0 to 1, or undefined when unknown. */
  show(phase: string, part: number | undefined, detail: string): void {
    const now = performance.now();
    const isTerminal = this.#screen.isTTY === true;
    const isDue = now - this.#shownAt >= this.#millis || (isTerminal && part === 1);
    if (!isDue && (phase === this.#phase || !isTerminal)) return;
    this.#phase = phase;
    this.#shownAt = now;
    const amount = part === undefined ? '' : isTerminal ? `${bar(part)}  ` : `${Math.floor(part * 100)} %, `;
    const text = `${this.#name}: ${phase} ${amount}${detail}`.trimEnd();
    if (isTerminal) {
      this.#screen.write(`\r\x1b[K${text.slice(0, (this.#screen.columns ?? 80) - 1)}`);
      this.#isDrawn = true;
    } else this.#screen.write(`${text}\n`);
  }

  /** Prints a permanent line. */
  say(text: string): void {
    this.clear();
    this.#screen.write(`${this.#name}: ${text}\n`);
  }

  /** Removes the redrawn line. */
  clear(): void {
    if (this.#isDrawn) this.#screen.write('\r\x1b[K');
    this.#isDrawn = false;
  }
}
