/** What the engine keeps of a server. */
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
  /** Times it was tried; a trial that never answered (it may have been a power cut) gets a second try. */
  attempts: number;
  /** Not to be tried again until commit or triggers change. */
  final: boolean;
  /** What was asked for at the time ({@link HijackInputs.attempt}). */
  triggers: string;
}

export interface HijackState {
  installationId: string;
  booted?: Booted;
  /** Commit of the slot that does not run, or the old system's name. */
  previous?: string;
  failed?: Failed;
  /** The server's, as it was seen: with `acceptNewHostKey` the only one that is accepted from then on. */
  hostKey?: string;
  /** The jump host's; kept within `connection`. */
  proxyHostKey?: string;
  /** Bytes of the last transfer. */
  sent?: number;
  /** Paths of the user's `files` on the server. */
  files?: string[];
  /** Public keys that may log in as root, as the last operation or refresh saw them, without options and comments. */
  rootKeys?: string[];
  /** The old system was removed: destroy cannot restore it. */
  finalized?: boolean;
  /** The last operation did not end. */
  unfinished?: boolean;
  facts?: Props;
  plan?: Props;
  connection?: Props;
}
