/** What the engine keeps of a server. */
import type { EtcChange } from "../../../host/files/etc-changes.ts";
import type { Props } from "../../../properties/values.ts";

/** What runs on the server. */
export interface Booted {
  checksum: string;
  version?: string;
  deployment: string;
  slot: string;
  bootId: string;
}

/** A commit that this server could not run. */
export interface Failed {
  checksum: string;
  reason: string;
  /** Number of attempts. A trial that never answered (it may have been a power cut) gets a second one. */
  attempts: number;
  /** True: not tried again until commit or attempt change. */
  givenUp: boolean;
  /** What was asked for at the time ({@link HijackInputs.attempt}). */
  triggers: string;
}

export interface HijackState {
  installationId: string;
  booted?: Booted;
  /** Commit of the slot that is not running, or the old system's name. */
  fallback?: string;
  failed?: Failed;
  /** The server's host key, as it was seen. With `acceptNewHostKey` no other one is accepted from then on. */
  hostKey?: string;
  /** The jump host's key; kept within `connection`. */
  proxyHostKey?: string;
  /** The commit that the server went to by itself, past the program's. */
  followed?: string;
  /** Bytes of the last transfer. */
  sent?: number;
  /** Paths of the user's `files` on the server. */
  files?: string[];
  /** What was changed by hand in /etc, as the last refresh saw it; absent: nothing. */
  changedFiles?: EtcChange[];
  /** How many more there are. */
  moreChangedFiles?: number;
  /** Public keys that may log in as root, as the last operation or refresh saw them, without options and comments. */
  rootKeys?: string[];
  /** The old system was removed: destroy cannot restore it. */
  oldSystemRemoved?: boolean;
  /** The last operation did not finish. */
  unfinished?: boolean;
  /** It could not be reached when Pine last asked: what is known of it is older. */
  unreachable?: boolean;
  /** Inputs that the server was given before an update was left for later (left.ts). */
  leftFrom?: Props;
  facts?: Props;
  plan?: Props;
  connection?: Props;
}
