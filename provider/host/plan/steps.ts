/**
 * What is done to a server, step by step. A plan lists the steps, a preview is told from that list (ways/words.ts), and
 * one table carries it out (resources/hijack/act/carry-out.ts): what is shown is what is done.
 */
import type { SlotName } from "../../boot/slot.ts";

/** What is sent. */
export interface Sending {
  /** Absent: not known yet. */
  sendBytes?: number;
  /** Where that is an estimate: at least and at most. */
  sendRange?: [number, number];
  about: boolean;
}

/** Where a system runs: on a machine of its own, or in a container of somebody's. */
export type Place = "machine" | "container";

export type Step =
  /** Nothing is written before it: dies where the server does not trust who signed the commit. */
  | { do: "check-signature" }
  /**
   * The system is sent, put beside the old one and armed for one boot. `replaces`: an installation that did not end is
   * there.
   */
  | ({ do: "install"; place: Place; compression: "zstd" | "gzip"; replaces: boolean } & Sending)
  /** The RAM system takes over; nothing on the disk changes. */
  | ({ do: "enter-ram" } & Sending)
  /** The image is written over the disk, and every block is read back. */
  | { do: "write-disk" }
  | { do: "boot-disk"; watchdog: boolean }
  /** What an earlier run armed and nobody booted is not booted. */
  | { do: "disarm" }
  /**
   * The installation's record names this resource from now on. `fresh`: a reinstall begins. `found`: by a resource that
   * had none.
   */
  | { do: "take-over"; fresh: boolean; found?: "cut-off" | "running" }
  /**
   * The program's files and root's keys, on the system that runs. `keys`: root's authorized_keys; absent: as they are.
   */
  | { do: "write-files"; keys?: string[] }
  /**
   * Another deployment in the slot that does not run, armed for one boot. `changed`: what needs it though the commit
   * runs.
   */
  | ({ do: "update"; from: string; to: string; slot: SlotName; fresh: boolean; changed?: string } & Sending)
  /** The armed slot is booted once and judged. It is confirmed, or the server goes back. */
  | { do: "trial"; place: Place; slot: SlotName; deadman: number; watchdog: boolean }
  /** What runs is what is wanted. */
  | { do: "keep-running"; commit: string }
  /** The old system's files go, for good. */
  | { do: "remove-old"; erases: string };

export type StepOf<D extends Step["do"]> = Extract<Step, { do: D }>;

const RESTARTS: readonly Step["do"][] = ["enter-ram", "boot-disk", "trial"];

/** How often the server restarts. */
export const restartsOf = (steps: readonly Step[]): number => steps.filter((step) => RESTARTS.includes(step.do)).length;

/** What is sent, all in all; undefined: nothing. */
export const sendingOf = (steps: readonly Step[]): Sending | undefined =>
  steps.find((step): step is StepOf<"install" | "enter-ram" | "update"> => "about" in step);

/** What is erased, in words. */
export const erasedBy = (steps: readonly Step[]): string[] =>
  steps.flatMap((step) => (step.do === "remove-old" ? [step.erases] : []));
