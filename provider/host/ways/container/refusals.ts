/**
 * Whether and how a container is taken. It has no kernel and no boot loader, and only the rights that its host gives
 * it. Pure.
 */
import type { Check } from "../../plan/check.ts";
import { BESIDE, OLD_SYSTEM, tools } from "../../plan/old-system.ts";
import { refusal } from "../../refusal.ts";
import { KNOWN } from "./words.ts";

/** Other kinds of containers, and why they cannot be taken. */
const OTHER: Record<string, string> = {
  "systemd-nspawn": "systemd-nspawn --boot starts systemd's own program, not /sbin/init",
  docker: "Docker starts one program of an image, in a new container each time",
  podman: "podman starts one program of an image, in a new container each time",
  wsl: "it runs on a Windows machine",
};

const RIGHTS: Record<string, string> = {
  unshare: "the program unshare (util-linux), by which Pine checks the other rights",
  namespace: "mount namespaces (unshare -m)",
  tmpfs: "mounting a tmpfs",
  bind: "bind mounts",
  readonly: "a read-only bind mount of /usr",
  dev: "a bind mount of /dev",
  proc: "a bind mount of /proc",
  sys: "a bind mount of /sys",
  chroot: "chroot",
};

/** A commit is made for a machine or for a container. Installs and updates both check it. */
export const targetRefusal: Check = (f, _, image) => {
  const { target } = image;
  if (target === undefined || (target === "container") === (f.container !== undefined)) return undefined;
  return f.container !== undefined
    ? refusal(
        "target",
        `the commit is for a machine, and the server is a container (${f.container}), which starts no kernel`,
        'build the Rootfs with target: "container"',
      )
    : refusal(
        "target",
        "the commit is for a container and has no kernel to boot",
        'build the Rootfs with target: "vm"',
      );
};

export const CONTAINER: Check[] = [
  (f, i) =>
    f.container === undefined &&
    i.method === "container" &&
    refusal(
      "method",
      'method "container" is for containers, and the server is a machine',
      'leave method out, or use "alongside" or "overwrite"',
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
      `the container's host does not allow what a new root needs: ${refused.map((r) => RIGHTS[r] ?? r).join(", ")}`,
      f.rights?.unprivileged
        ? "ask the provider for nesting (Proxmox and LXD: the option nesting; LXC: an AppArmor profile that allows mounts)"
        : "ask the provider for an unprivileged container, or for an AppArmor profile that allows mounts (LXC: lxc-container-default-with-nesting)",
    );
  },
  ...OLD_SYSTEM,
  ...BESIDE,
  tools(["dd"]),
];
