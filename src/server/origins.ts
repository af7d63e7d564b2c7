const localName = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|(.+\.)?localhost)$/;

function isLocal(hostname: string): boolean {
  return localName.test(hostname);
}

/** Whether a page of this origin may talk to us. No origin at all is no page: curl, a server, another program. */
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
 * Whether a request may name us so. A page whose own name was pointed at this machine (DNS rebinding) gives its name as
 * the host; on a loopback address only local names are ours.
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
