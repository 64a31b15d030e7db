/** An installation in a container, in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { ContainerRights, Facts } from "../../facts/types/facts.ts";
import type { Plan } from "../../plan/types.ts";
import { sendLines, sends } from "../../plan/words.ts";

/** Managers that start /sbin/init of the container's root, whatever it is. */
export const KNOWN: Record<string, string> = { lxc: "LXC", openvz: "OpenVZ" };

type Base = Omit<Plan, "summary" | "lines">;

/** "LXC, unprivileged". */
export function containerKind(facts: Facts): string {
  const name = KNOWN[facts.container ?? ""] ?? facts.container ?? "unknown";
  return `${name}${facts.rights?.unprivileged ? ", unprivileged" : ""}`;
}

/** The line of preview. */
export function containerSummary(p: Base, facts: Facts, title: string): string {
  const left = p.erases.length > 0 ? `then removes ${title} for good; destroy leaves it` : "destroy leaves it";
  const end = p.restore ? `destroy restores ${title}` : left;
  return (
    `in the container (${containerKind(facts)}) beside ${title} (${humanBytes(facts.root.freeKiB * 1024)} free): ${sends(p)}, ` +
    `no kernel, 1 restart${facts.rights?.pivot === false ? ", the new root a chroot (pivot_root is refused)" : ""}; keeps ${p.keeps.slice(0, 3).join(", ")}; ${end}`
  );
}

/** The plan for people. */
export function containerLines(p: Base, facts: Facts, title: string, notes: string[]): string[] {
  return [
    `method: container (${containerKind(facts)}): ${title} stays, and its /sbin/init becomes a wrapper that starts the new system beside it`,
    `root: ${humanBytes(facts.root.freeKiB * 1024)} free; kernel ${facts.kernelRelease} is the host's and stays`,
    ...sendLines(p, facts),
    `1 restart of the container, on trial: without confirmation within ${p.deadman} s it goes back by itself`,
    rootLine(facts.rights),
    `keeps: ${p.keeps.join(", ")}`,
    `erases: ${p.erases.join(", ") || "nothing"}`,
    p.restore ? `destroy: starts ${p.restore} again and removes Pine` : "destroy: leaves the server as it is",
    "note: a new system whose init ends at once stops the container; whoever starts it again finds the old system",
    ...notes.map((n) => `note: ${n}`),
  ];
}

const rootLine = (rights: ContainerRights | undefined) =>
  rights?.pivot === false
    ? "the host refuses pivot_root: the new root is a chroot; what its manager runs in the container sees the old system's files"
    : "the new root is the container's own (pivot_root); the old one's files are at /sysroot";
