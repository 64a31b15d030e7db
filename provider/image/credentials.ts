/** Users and passwords in addresses. Apart from http.ts, so that the plugin starts without what makes requests. */

/** Authorization by origin: sent there, and to no other that it leads to. */
const authorizations = new Map<string, string>();

/** An address without its user and password, which requests to its origin have from now on. */
export function keepCredentials(address: string): string {
  const url = new URL(address);
  if (!url.username && !url.password) return address;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  authorizations.set(url.origin, `Basic ${Buffer.from(pair).toString("base64")}`);
  return address.replace(/^(https?:\/\/)[^/@]*@/, "$1");
}

/** Whether somebody's password could be in an address. */
export const hasCredentials = (address: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/[^/]*@/i.test(address);

/** What a request to an address has as Authorization, if anything. */
export const authorizationFor = (url: URL): string | undefined => authorizations.get(url.origin);
