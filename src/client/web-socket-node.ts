/** Node 20 has no global WebSocket: the client loads that of the package ws when it first connects. */
export const loadWebSocket = async (): Promise<unknown> => (await import('ws')).WebSocket;
