/** Errors of a connection, and of a script that ran on a server. */
import { createHash } from "node:crypto";
import { PineError } from "../../errors.ts";
import { RunError } from "../../local/run.ts";
import type { Connection, ProxyConnection } from "./connection.ts";

export type SshErrorCode =
  | "unreachable"
  | "host-key"
  | "no-host-key"
  | "login"
  | "passphrase"
  | "key"
  | "lost"
  | "shell"
  | "not-root"
  | "sudo"
  | "sessions"
  | "client";

/** The connection itself failed: what the remote script did or did not do is not known when `code` is "lost". */
export class SshError extends PineError {
  override name = "SshError";
  /** With code "login": who refused, and the ways to log in that were left there. */
  refusedBy?: { role: "host" | "proxy"; methods: string[] };
  constructor(
    readonly code: SshErrorCode,
    message: string,
    options: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, options);
  }
}

/** A remote script ran and failed (or took too long). */
export class RemoteError extends RunError {
  override name = "RemoteError";
}

/** `root@host:port`, for messages. */
export function targetOf(c: ProxyConnection): string {
  return `${c.user ?? "root"}@${c.host.includes(":") ? `[${c.host}]` : c.host}:${c.port ?? 22}`;
}

/** `SHA256:…` of a public key, as ssh-keygen -l shows it. */
export function fingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.trim().split(/\s+/)[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** Whether an error means that a server does not answer; it may be wrapped in another one with its code. */
export const isUnreachable = (error: unknown): boolean => (error as { code?: string }).code === "unreachable";

/** Whether an error means that the connection is gone, not that the remote program failed. */
export function connectionLost(error: unknown): boolean {
  if (error instanceof RemoteError) return error.timedOut;
  return error instanceof SshError && (error.code === "lost" || error.code === "unreachable");
}

/** One machine that ssh dials, and what ssh said of it. */
export interface Side {
  connection: ProxyConnection;
  /** The input that describes the machine. */
  property: "connection" | "connection.proxy";
  role: "server" | "jump host";
  log: string;
  /** The host key that it showed; absent: none was seen. */
  shown?: string;
  /** `acceptNewHostKey`, of the server's connection. */
  accepts?: boolean;
}

export interface Failure {
  connection: Connection;
  /** ssh's own log (-E): what it says of the host. */
  log: string;
  /** Standard error: banners, and what the ssh to the jump host says. */
  stderr: string;
  /** Host keys that were shown (`ssh-ed25519 AAAA…`), if any. */
  shown: { host?: string; proxy?: string };
}
