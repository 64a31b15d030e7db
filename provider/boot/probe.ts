/**
 * One health check of a server, as the program `probe` takes it (system/rootfs/usr/libexec/pine/probe): the server runs
 * those of its image by itself, and the provider sends the program for those of HostHijack. Pure.
 */

/** Exactly one of http, tcp, command, service, freeSpace is set. */
export interface Probe {
  /** URL as the server itself sees it. */
  http?: string;
  /** Expected HTTP status, default 200. */
  status?: number;
  /** Text that the body must contain. */
  contains?: string;
  /** "host:port". */
  tcp?: string;
  /** Shell command that must exit 0. */
  command?: string;
  /** OpenRC service that must be started. */
  service?: string;
  /** MiB that must be free where the path lies. */
  freeSpace?: { path: string; mib: number };
}

export type ProbeKind = "http" | "tcp" | "command" | "service" | "space";

/** The arguments of `probe`. */
export function probeArguments(p: Probe): [kind: ProbeKind, ...rest: string[]] {
  if (p.http !== undefined) return ["http", p.http, String(p.status ?? 200), p.contains ?? ""];
  if (p.tcp !== undefined) {
    const colon = p.tcp.lastIndexOf(":");
    const host = p.tcp.slice(0, colon).replace(/^\[|\]$/g, "");
    return ["tcp", host, p.tcp.slice(colon + 1)];
  }
  if (p.command !== undefined) return ["command", p.command];
  if (p.freeSpace !== undefined) return ["space", p.freeSpace.path, String(p.freeSpace.mib)];
  return ["service", p.service!];
}

/** Seconds for which a new system is watched after its checks passed once: they must pass again. */
export const SETTLE_SECONDS = 30;
