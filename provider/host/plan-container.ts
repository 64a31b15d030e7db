/** Whether and how a container is taken: no kernel, no boot loader, and only the rights that its host gives it. Pure. */
import { humanBytes } from "../words.ts";
import type { ContainerRights, Facts } from "./facts/types/facts.ts";
import { BESIDE, OLD_SYSTEM, tools } from "./plan-beside.ts";
import { sendLines, sends } from "./plan-lines.ts";
import type { Plan } from "./plan-types.ts";
import { type Check, refusal } from "./refusal.ts";

/** Managers that start /sbin/init of the container's root, whatever it is. */
const KNOWN: Record<string, string> = { lxc: "LXC", openvz: "OpenVZ" };

/** What else is called a container, and why it cannot be one here. */
const OTHER: Record<string, string> = {
  "systemd-nspawn": "systemd-nspawn --boot starts systemd's own program, and not /sbin/init",
  docker: "Docker starts one program of an image, which it makes anew",
  podman: "podman starts one program of an image, which it makes anew",
  wsl: "it is a Windows machine's",
};

const RIGHTS: Record<string, string> = {
  unshare: "the program unshare (util-linux) to look",
  namespace: "mount namespaces (unshare -m)",
  tmpfs: "mounting a tmpfs",
  bind: "bind mounts",
  readonly: "a read-only bind mount of /usr",
  dev: "a bind mount of /dev",
  proc: "a bind mount of /proc",
  sys: "a bind mount of /sys",
  chroot: "chroot",
};

/** A commit is of a machine or of a container; true of installs and updates. */
export const targetRefusal: Check = (f, _, image) => {
  const { target } = image;
  if (target === undefined || (target === "container") === (f.container !== undefined)) return undefined;
  return f.container !== undefined
    ? refusal(
        "target",
        `the commit is of a machine, and the server is a container (${f.container}), which starts no kernel`,
        'build the Rootfs with target: "container"',
      )
    : refusal("target", "the commit is of a container and has no kernel to boot", 'build the Rootfs with target: "vm"');
};

export const CONTAINER: Check[] = [
  (f, i) =>
    f.container === undefined &&
    i.method === "container" &&
    refusal(
      "method",
      'method "container" is for containers, and the server is a machine',
      'leave it out, or use "alongside" or "overwrite"',
    ),
  (f) => {
    if (f.container === undefined || KNOWN[f.container]) return undefined;
    const why = OTHER[f.container] ?? "only LXC and OpenVZ are known to start /sbin/init again";
    return refusal(
      "container",
      `the server is a container of ${f.container}: ${why}`,
      "use a container of LXC or OpenVZ, or a virtual machine",
    );
  },
  (f, i) => {
    const refused = f.rights?.refused ?? [];
    if (refused.length === 0 || i.rootWay === "none") return undefined;
    return refusal(
      "container-rights",
      `the container's host refuses what a new root needs: ${refused.map((r) => RIGHTS[r] ?? r).join(", ")}`,
      f.rights?.unprivileged
        ? "ask the provider for nesting (Proxmox and LXD: the option nesting; LXC: an AppArmor profile that allows mounts)"
        : "ask the provider for an unprivileged container, or for an AppArmor profile that allows mounts (LXC: lxc-container-default-with-nesting)",
    );
  },
  ...OLD_SYSTEM,
  ...BESIDE,
  tools(["dd"]),
];

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
