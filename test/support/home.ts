import { chmodSync, cpSync, statSync } from 'node:fs';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The home that tests copy. */
    homeMade: string;
  }
}

/** Makes a home as it is left by a server that was stopped, with the tables in it: to make one anew takes far longer. */
export function copyHome(to: string): void {
  const made = inject('homeMade');
  cpSync(made, to, { recursive: true });
  chmodSync(to, statSync(made).mode);
}
