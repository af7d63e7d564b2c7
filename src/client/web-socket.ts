/** Loads a WebSocket where there is no global one. Browsers, Deno, Bun and Node 22 have one, so nothing is loaded here. */
export const loadWebSocket: (() => Promise<unknown>) | undefined = undefined;
