/** What a connection is asked, and what it answers. */
import type { Readable, Writable } from "node:stream";

export interface OpenOptions {
  /** Retry while the server cannot be reached, `dialErrorLimit` times in all. Default: one attempt. */
  wait?: boolean;
  /** Seconds for one attempt, instead of the connection's `perDialTimeout`. */
  connectTimeout?: number;
  /** Sessions that must be open at one time: the server's lock is held in one while another works. Default 2. */
  sessions?: number;
}

export interface ExecOptions {
  /** What the script finds on its standard input. */
  input?: string | Uint8Array | Readable;
  /** Where standard output goes instead of `stdout`. */
  output?: Writable;
  /** Milliseconds; default no limit. After that the script may still run on the server. */
  timeout?: number;
  /** As root, through sudo or doas where the login is not root. Default true. */
  root?: boolean;
  /** Exit codes that are no error; default [0]. */
  ok?: number[];
  onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** What the script does, for errors: "reading facts". */
  what?: string;
}

export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface UploadOptions extends Omit<ExecOptions, "input" | "output"> {
  /** Bytes to come; fewer or more is an error. */
  size?: number;
  /** Gets the bytes sent so far, about four times a second and at the end. */
  onProgress?: (bytes: number) => void;
}

/** How the login becomes root: sudo with or without a password, doas without. */
export type RootWay = "root" | "sudo" | "doas" | "none";

/** Why a login cannot become root. */
export interface NotRoot {
  message: string;
  hint: string;
}

/** One connection to a server, held open for one operation. */
export interface Ssh {
  /** `user@host:port`, for messages. */
  readonly target: string;
  readonly user: string;
  readonly uid: number;
  readonly rootWay: RootWay;
  /** With `rootWay` "none": why. */
  readonly notRoot?: NotRoot;
  /** The host key the server showed: `ssh-ed25519 AAAA…`. */
  readonly hostKeySeen: string;
  /** The same of the jump host. */
  readonly proxyKeySeen?: string;
  /** Boot id of the system this connection was opened to. */
  readonly bootId: string;
  /**
   * Runs a POSIX sh script with `$1`, `$2`, … = `args`. Script and arguments travel over standard input, so neither is
   * in a process list, here or there. Throws {@link RemoteError}, or {@link SshError} when the connection is lost.
   */
  exec(script: string, args?: string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a script whose standard input is `source`: a stream, a file (path) or bytes. */
  upload(
    source: Readable | string | Uint8Array,
    script: string,
    args?: string[],
    options?: UploadOptions,
  ): Promise<ExecResult>;
  /** Ends the connection: no process and no file is left. Never throws. */
  close(): Promise<void>;
}
