/**
 * Users and passwords in addresses. Separate from http.ts, so that the plugin starts without loading the HTTP client.
 */

/** A user and a password, and where they are sent: to this address and below it, and nowhere else. */
interface Authorization {
  origin: string;
  /** Without a slash at the end. */
  path: string;
  value: string;
}

/** By address. Shared by the whole process, since it has one configuration. */
const authorizations = new Map<string, Authorization>();

const withoutEnd = (path: string) => path.replace(/\/+$/, "");

/** From now on, requests to this address and below it use this user and password. `pair`: "USER:PASSWORD". */
export function authorize(address: string, pair: string): void {
  const { origin, pathname } = new URL(address);
  const path = withoutEnd(pathname);
  const value = `Basic ${Buffer.from(pair).toString("base64")}`;
  authorizations.set(`${origin}${path}`, { origin, path, value });
}

/** Undoes the percent-encoding of an address; a percent sign that begins no code stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address without its user and password; from now on, requests to it use them. */
export function keepCredentials(address: string): string {
  const url = new URL(address);
  if (!url.username && !url.password) return address;
  authorize(address, `${decoded(url.username)}:${decoded(url.password)}`);
  // a password may hold an @, too
  const bare = address.replace(/^(https?:\/\/)[^/?#]*@/, "$1");
  if (!hasCredentials(bare)) return bare;
  Object.assign(url, { username: "", password: "" });
  return withoutEnd(url.href);
}

/** Whether somebody's password could be in an address. */
export function hasCredentials(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  return Boolean(url?.username || url?.password) || /^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(address);
}

/** The Authorization header for a request, if any: that of the nearest address above. */
export function authorizationFor(url: URL): string | undefined {
  const above = [...authorizations.values()].filter(
    ({ origin, path }) => origin === url.origin && (url.pathname === path || url.pathname.startsWith(`${path}/`)),
  );
  return above.sort((a, b) => b.path.length - a.path.length)[0]?.value;
}
