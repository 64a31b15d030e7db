/** An installation in a container, in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { ContainerRights, Facts } from "../../facts/types/facts.ts";
import type { Told, WayWords } from "../../plan/told.ts";
import { keepsShort, sends } from "../../plan/words.ts";

/** Managers that start /sbin/init of the container's root, whatever program it is. */
export const KNOWN: Record<string, string> = { lxc: "LXC", openvz: "OpenVZ" };

/** "LXC, unprivileged". */
export function containerKind(facts: Facts): string {
  const name = KNOWN[facts.container ?? ""] ?? facts.container ?? "unknown";
  return `${name}${facts.rights?.unprivileged ? ", unprivileged" : ""}`;
}

export function containerWords({ plan: p, facts, title }: Told): WayWords {
  const kind = containerKind(facts);
  const free = `${humanBytes(facts.root.freeKiB * 1024)} free`;
  const left =
    p.erases.length > 0
      ? `then removes ${title} for good; destroy leaves the server as it is`
      : "destroy leaves the server as it is";
  const chroot = facts.rights?.pivot === false ? ", the new root a chroot (pivot_root is refused)" : "";
  return {
    head: `in the container (${kind}) beside ${title} (${free})`,
    effort: `${sends(p)}, no kernel, 1 restart${chroot}`,
    parts: [keepsShort(p), p.restore ? `destroy restores ${title}` : left],
    before: [
      `method: container (${kind}): ${title} stays, and its /sbin/init becomes a wrapper that starts the new system beside it`,
      `root: ${free}; kernel ${facts.kernelRelease} is the host's and stays`,
    ],
    after: [rootLine(facts.rights)],
    erases: p.erases.join(", ") || "nothing",
    destroy: p.restore ? `destroy: starts ${p.restore} again and removes Pine` : "destroy: leaves the server as it is",
    notes: ["a new system whose init ends at once stops the container; after it is started again, the old system runs"],
  };
}

const rootLine = (rights: ContainerRights | undefined) =>
  rights?.pivot === false
    ? "the host refuses pivot_root: the new root is a chroot; a program that the container's manager runs in it sees the old system's files"
    : "the new root is the container's own (pivot_root); the old one's files are at /sysroot";
