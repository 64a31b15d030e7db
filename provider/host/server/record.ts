/** The installation's record on a server, boot/grub/pine/install: whose it is, and whether its operation has ended. */
import { updateScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** How far finalizing came on a server: from the installation's record. */
export type Finalized = "no" | "begun" | "done";

export function finalizedOf(record: Record<string, string> | undefined): Finalized {
  if (record?.finalized === undefined) return "no";
  return record.finalized === "1" ? "done" : "begun";
}

/**
 * Writes another resource into the record, which has the installation from now on. `id` may stay the same. `fresh`: a
 * reinstall has begun; if it is cut off, the next operation goes on with it.
 */
export async function adopt(ssh: Ssh, o: { id: string; stack: string; urn: string }, fresh: boolean): Promise<void> {
  const args = ["adopt", o.id, o.stack, o.urn, ...(fresh ? ["fresh"] : [])];
  await ssh.exec(updateScript(), args, { what: "taking over the installation" });
}

/**
 * Whether an operation on a server that runs Pine is a reinstall: a create after the operation that made the
 * installation has ended, or a reinstall that was begun.
 */
export function isReinstall(record: Record<string, string> | undefined, create: boolean): boolean {
  return record?.fresh !== undefined || (create && record?.done !== undefined);
}

/**
 * Writes down that the operation which made or took this installation has ended. Without it the next create goes on
 * with it.
 */
export async function markDone(ssh: Ssh): Promise<void> {
  await ssh.exec(updateScript(), ["done"], { what: "noting that the operation has ended" });
}

export interface InstallRecord {
  /** Random, one per installation: only its own resource removes it. */
  id: string;
  stack: string;
  urn: string;
  /** ISO date. */
  created: string;
  /** Name of the old system. */
  old: string;
}
