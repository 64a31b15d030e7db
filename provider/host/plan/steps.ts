/**
 * What is done to a server, step by step. A plan lists the steps. A preview is told from that list (ways/words.ts), and
 * one table carries it out (resources/hijack/act/carry-out.ts), so that what is shown is what is done.
 */
import type { SlotName } from "../../boot/slot.ts";

/** What is sent. */
export interface Sending {
  /** Absent: not known yet. */
  sendBytes?: number;
  /** For an estimate: at least and at most. */
  sendRange?: [number, number];
  about: boolean;
}

/** Where a system runs: on a machine of its own, or in a container on somebody's host. */
export type Place = "machine" | "container";

export type Step =
  /**
   * The commit boots on the machine that builds, with the server's names, keys and network. A failure ends the run
   * before anything is written. `required`: so does a rehearsal that could not tell.
   */
  | { do: "rehearse"; required: boolean }
  /** Comes before anything is written: fails where the server does not trust who signed the commit. */
  | { do: "check-signature" }
  /**
   * The system is sent, put beside the old one and armed for one boot. `replaces`: an unfinished installation is there.
   */
  | ({ do: "install"; place: Place; compression: "zstd" | "gzip"; replaces: boolean } & Sending)
  /** The RAM system takes over; nothing on the disk changes. */
  | ({ do: "enter-ram" } & Sending)
  /** The image is written over the disk, and every block is read back. */
  | { do: "write-disk" }
  | { do: "boot-disk"; watchdog: boolean }
  /** A slot that an earlier run armed and nobody booted will not be booted. */
  | { do: "disarm" }
  /**
   * The installation's record names this resource from now on. `fresh`: a reinstall begins. `found`: how a resource
   * without an installation found it.
   */
  | { do: "take-over"; fresh: boolean; found?: "cut-off" | "running" }
  /** The program's files and root's keys, on the running system. `keys`: root's authorized_keys; absent: unchanged. */
  | { do: "write-files"; keys?: string[] }
  /** The server joins, or leaves, its group's reboot lock: from then on it reboots when it is its turn. */
  | { do: "reboot-lock"; group: string; leaves: boolean }
  /**
   * Another deployment in the slot that does not run, armed for one boot. `changed`: what needs a deployment although
   * the commit runs already.
   */
  | ({ do: "update"; from: string; to: string; slot: SlotName; fresh: boolean; changed?: string } & Sending)
  /** The armed slot is booted once and checked. It is confirmed, or the server rolls back. */
  | { do: "trial"; place: Place; slot: SlotName; deadman: number; watchdog: boolean }
  /** The running system is the wanted one. */
  | { do: "keep-running"; commit: string }
  /** The server's settings for updates that it pulls, once what runs is confirmed. */
  | { do: "set-updates" }
  /** The old system's files are removed for good. */
  | { do: "remove-old"; erases: string };

export type StepOf<D extends Step["do"]> = Extract<Step, { do: D }>;

const RESTARTS: readonly Step["do"][] = ["enter-ram", "boot-disk", "trial"];

/** How often the server restarts. */
export const restartsOf = (steps: readonly Step[]): number => steps.filter((step) => RESTARTS.includes(step.do)).length;

/** What is sent in total; undefined: nothing. */
export const sendingOf = (steps: readonly Step[]): Sending | undefined =>
  steps.find((step): step is StepOf<"install" | "enter-ram" | "update"> => "about" in step);

/** What is erased, in words. */
export const erasedBy = (steps: readonly Step[]): string[] =>
  steps.flatMap((step) => (step.do === "remove-old" ? [step.erases] : []));
