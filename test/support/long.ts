declare global {
  interface ImportMeta {
    readonly env: { readonly MODE: string };
  }
}

/** How many times longer than usual: `npm run soak` runs the same properties and storms for much longer. */
export const times = import.meta.env.MODE === 'long' ? 20 : 1;

/** Where more is needed to be worth while than a multiple of what the suite has time for. */
export const isLong = times > 1;
