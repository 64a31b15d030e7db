/** Why a trial never answered and does not run now: from what GRUB counted and what the trial left on the disk. */
import type { SlotName } from "../../boot/slot.ts";
import { type AgentStatus, agent } from "../server/agent.ts";
import type { Ssh } from "../ssh/types.ts";

/** Lines of the trial's console that are shown. */
const SHOWN = 15;

/** How messages name a running system. */
export const nameOf = (status: AgentStatus) =>
  status.running ? `slot ${status.running}, commit ${status.checksum.slice(0, 12)}` : "the old system";

/** Begins a line that the kernel left in firmware or memory when it crashed (libexec/pine/trials). */
const CRASHED = "pstore: ";

/**
 * How far a trial of `slot` came, seen from the system after it. `lines`: of its console on the disk, and of a crash of
 * its kernel. Pure.
 */
export function silentReason(status: AgentStatus, slot: SlotName, lines: string[]): string {
  const log = lines.filter((line) => !line.startsWith(CRASHED));
  const back = `the server went back to ${nameOf(status)}`;
  const never = `the new system did not come up far enough to answer; ${back}`;
  if (status.trial !== slot)
    return `${never}; somebody else ended its trial (the server's state names ${status.trial ?? "no trial"})`;
  if (status.container) return inContainer(status, never, back, log);
  if (status.tries !== 0)
    return `GRUB did not boot the new system: it could not write its state, or does not read Pine's configuration; ${back}`;
  if (log.length > 0)
    return `${never}: its root file system was mounted, and then no login came through (a service that hangs, a network that is wrong, a crash)`;
  if (status.stage !== "loaded") return `${never}: GRUB could not load its kernel or initramfs, or the power failed`;
  return `${never}: its kernel was started and never mounted its root file system (a panic, no disk found, a hang)`;
}

function inContainer(status: AgentStatus, never: string, back: string, log: string[]): string {
  if (status.tries !== 0)
    return `the container's init did not start the new system: it could not write its state, or /sbin/init is not Pine's; ${back}`;
  if (log.length > 0)
    return `${never}: its init was started, and then no login came through (a service that hangs, a network that is wrong, an init that ends)`;
  return status.stage === "loaded"
    ? `${never}: its mounts were refused, or its init ended at once`
    : `${never}: its programs do not run here, or the container was killed`;
}

/** The last trial's console as it was kept on the disk; empty: its root file system was never mounted. */
export async function trialLog(ssh: Ssh): Promise<string[]> {
  return (await agent(ssh, ["last"], 60_000)).split("\n").filter((line) => line.trim() !== "");
}

/** A reason with the lines that come last. */
export function logReason(log: string[]): string[] {
  if (log.length === 0) return [];
  return [
    `the last lines of its console:\n${log
      .slice(-SHOWN)
      .map((line) => `    ${line}`)
      .join("\n")}`,
  ];
}
