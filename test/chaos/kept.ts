import { type Program, tidemark, until } from '../support/program.ts';

/** A process that is started again whenever it ends, as whatever runs it does. */
export class Kept {
  readonly #words: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #ready: string;
  readonly #over: Promise<void>;
  #program!: Program;
  #isStopping = false;
  /** The last one that was killed or told to end. */
  #doomed: Program | undefined;
  /** What those wrote that have ended. */
  #ended = '';
  /** How it ended when nobody had asked it to. */
  readonly surprises: string[] = [];

  /** `ready` is what it says when it is. */
  constructor(words: readonly string[], env: NodeJS.ProcessEnv, ready: string) {
    this.#words = words;
    this.#env = env;
    this.#ready = ready;
    this.#over = this.#keep();
  }

  async #keep(): Promise<void> {
    while (!this.#isStopping) {
      const program = tidemark(['serve', ...this.#words], this.#env);
      this.#program = program;
      const { code, signal } = await program.ended;
      this.#ended += program.output();
      if (this.#doomed === program && (signal === 'SIGKILL' || code === 0)) continue;
      // One that starts while Redis is away says so.
      if (code === 1 && program.output().includes('no answer from Redis')) continue;
      this.surprises.push(`${this.#words.join(' ')} ended with ${code ?? signal}: ${program.output()}`);
    }
  }

  /** Of the one that runs now. */
  get pid(): number {
    return this.#program.pid;
  }

  /** All that it wrote. */
  get output(): string {
    return this.#isStopping ? this.#ended : this.#ended + this.#program.output();
  }

  async up(): Promise<void> {
    await until(() => this.#doomed !== this.#program && this.#program.output().includes(this.#ready));
  }

  kill(): void {
    this.#end('SIGKILL');
  }

  /** Another one takes its place as soon as it has ended in good order. */
  async replace(): Promise<void> {
    await this.up();
    this.#end('SIGTERM');
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#end('SIGTERM');
    await this.#over;
  }

  #end(signal: NodeJS.Signals): void {
    this.#doomed = this.#program;
    this.#program.process.kill(signal);
  }
}
