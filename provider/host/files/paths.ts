/** Files that a server gets, and where they may lie. Pure. */

/** A file of the new system. */
export interface HostFile {
  /** Absolute. */
  path: string;
  content: string | Uint8Array;
  /** Octal, "0644". */
  mode: string;
  /** "user:group", names or numbers of the new system. */
  owner: string;
}

/** Where a server's own files may lie: what OSTree's merge or the shared /var keeps over updates. */
const KEPT = /^\/(etc|var|root|home|opt|srv|mnt)\/./;
/** Files that Pine itself writes, from other inputs. */
const OWN: Record<string, string> = {
  "/etc/hostname": "hostname",
  "/etc/network/interfaces": "network",
  "/etc/mactab": "network",
  "/root/.ssh/authorized_keys": "authorizedKeys",
};

/** Why a path cannot be one of `files`, or undefined. */
export function hostPathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "must be an absolute path";
  if (path.split("/").some((part) => part === ".." || part === ".") || /\/\/|\/$/.test(path))
    return "must be a plain path to a file";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f]/.test(path)) return "must hold no control characters";
  if (OWN[path]) return `is written by Pine: use the input ${OWN[path]}`;
  if (/^\/etc\/(dropbear\/|ssh\/ssh_host_)/.test(path)) return "are the server's SSH host keys, which are kept";
  if (!KEPT.test(path)) return "must lie in /etc, /var, /root, /home, /opt, /srv or /mnt: /usr is read-only";
  return undefined;
}
