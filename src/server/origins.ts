const localName = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|(.+\.)?localhost)$/;

function isLocal(hostname: string): boolean {
  return localName.test(hostname);
}

/**
 * True when a page of this origin may use the API. A request without an Origin comes from a program, not from a page.
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined) return true;
  if (allowed.includes('*') || allowed.includes(origin)) return true;
  try {
    return isLocal(new URL(origin).hostname);
  } catch {
    return false;
  }
}

/**
 * True when the Host header of a request is acceptable. DNS rebinding points a hostile name at this machine, so on a
 * loopback address only local names are accepted.
 */
export function isHostAllowed(host: string | undefined, boundTo: string, allowed: readonly string[]): boolean {
  if (host === undefined || !(isLocal(boundTo) || boundTo === '::1')) return true;
  try {
    const { hostname } = new URL(`http://${host}`);
    return (
      isLocal(hostname) || allowed.includes('*') || allowed.some((origin) => new URL(origin).hostname === hostname)
    );
  } catch {
    return false;
  }
}
