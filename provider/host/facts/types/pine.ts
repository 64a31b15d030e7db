/** What is known of the Pine that is on a server (facts.ts). */
import type { Trust } from "../../../trust/manifest.ts";
import type { RamFacts } from "./ram.ts";

export interface Slots {
  /** Confirmed slot, "" the old system. */
  slot: string;
  trial: string;
  tries: number;
  boots: number;
}

export interface RefusedCommit {
  commit: string;
  /** Rolled back by hand; its checks failed; it did not answer once; or what failed fails without it, too. */
  kind: "person" | "bad" | "unclear" | "elsewhere";
  /** ISO date, by the server's clock. */
  since: string;
  reason: string;
}

export interface PineFacts {
  /** boot/grub/pine/install as it is: id, stack, urn, method, created, old, … */
  install?: Record<string, string>;
  slots?: Slots;
  /** Whose signature it wants; absent: anything is taken. */
  trust?: Trust;
  /**
   * It pulls updates. `digest`: sha256 of its settings; `state`: what it notes of it (libexec/pine/pulling); `staged`:
   * the version that waits for its reboot.
   */
  updates?: { digest: string; state: Record<string, string | undefined>; staged?: string };
  /** A person on the server wants no update to reboot it (`pine hold`). */
  hold?: { since: string; by: string; reason: string };
  /** It rebooted without its group's lock, whose store was away, since the program allowed that for the commit. */
  wentWithoutLock?: { since: string; commit: string; reason: string };
  /** Its own required health checks that failed at its last look, as `NAME: WHY`; absent: none. */
  red?: string[];
  /** Commits that the server does not boot by itself; absent: none. */
  refused?: RefusedCommit[];
  /** From the kernel's arguments: slot and deployment (`<checksum>.<n>`) that run. */
  runningSlot?: string;
  runningTrial: boolean;
  deployment?: string;
  /** Deployments on the disk, `<stateroot>/<checksum>.<n>`. */
  deployments: string[];
  ram?: RamFacts;
  /** The kernel arguments in the running slot's file; absent where nothing was started from a slot. */
  options?: string[];
  /** /boot/loader is a folder, as systemd-boot and Fedora have it, or another link than OSTree's. */
  otherLoader?: true;
  /** Left by an install that did not finish: "/.pine-new", "/ostree", "/boot/ostree". */
  leftovers: string[];
}
