/** Users and passwords in addresses. Apart from http.ts, so that the plugin starts without what makes requests. */

/** A user and a password, and where they are sent: there and below it, and to no other address. */
interface Authorization {
  origin: string;
  /** Without a slash at the end. */
  path: string;
  value: string;
}

/** By address. Of this process, whose configuration is one. */
const authorizations = new Map<string, Authorization>();

const withoutEnd = (path: string) => path.replace(/\/+$/, "");

/** Requests to an address and what lies below it have this user and password from now on. `pair`: "USER:PASSWORD". */
export function authorize(address: string, pair: string): void {
  const { origin, pathname } = new URL(address);
  const path = withoutEnd(pathname);
  const value = `Basic ${Buffer.from(pair).toString("base64")}`;
  authorizations.set(`${origin}${path}`, { origin, path, value });
}

/** As it was written before it was put into an address; a percent sign that begins nothing is itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address without its user and password, which requests to it have from now on. */
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

/** What a request to an address has as Authorization, if anything: of the nearest address above it. */
export function authorizationFor(url: URL): string | undefined {
  const above = [...authorizations.values()].filter(
    ({ origin, path }) => origin === url.origin && (url.pathname === path || url.pathname.startsWith(`${path}/`)),
  );
  return above.sort((a, b) => b.path.length - a.path.length)[0]?.value;
}
