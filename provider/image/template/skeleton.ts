/**
 * What a container's manager looks for on the physical root, beside the sysroot: just enough to recognise the
 * distribution, run a shell, write name and network, and start the wrapper. Pure.
 */
import { managersPrograms } from "../../boot/managers.ts";
import { containerOptions } from "../../boot/options.ts";
import { SLOTS_DIR } from "../../boot/place.ts";
import { slotFile } from "../../boot/slot.ts";
import { confirmedText, envBlock } from "../../boot/state.ts";
import type { Change } from "../tree/changes.ts";

/** What the skeleton is made from. */
export interface SkeletonInput {
  /** OSTree commit of the deployment. */
  checksum: string;
  /** What stands for its kernel, from the root of the filesystem. */
  kernel: string;
  /** What a list of slots shows. */
  title: string;
  /** Text of the wrapper that starts the deployment. */
  init: string;
}

const root: [number, number] = [0, 0];

/** Everything of the skeleton except copies of the deployment's own files, which template/template.sh makes. */
export function skeleton(o: SkeletonInput): Change[] {
  const dir = (path: string, mode = "0755"): Change => ({ do: "dir", path, mode, owner: root });
  const file = (path: string, content: string | Uint8Array, mode = "0644"): Change => ({
    do: "file",
    path,
    content,
    mode,
    owner: root,
  });
  const slots = `/${SLOTS_DIR}`;
  const slot = {
    title: o.title,
    uuid: "",
    linux: o.kernel,
    initrd: "",
    options: containerOptions({ ...o, serial: 0 }),
  };
  return [
    ...["/dev", "/proc", "/sys", "/run", "/mnt", "/bin", "/sbin", "/lib", "/usr", "/usr/bin", "/etc"].map((d) =>
      dir(d),
    ),
    dir("/tmp", "1777"),
    // keys that a manager gives to root become those of the running system
    { do: "link", path: "/root", target: "ostree/deploy/pine/var/roothome" },
    file("/sbin/init", o.init, "0755"),
    ...managersPrograms().map((path): Change => ({ do: "link", path, target: `${up(path)}ostree/pine/busybox` })),
    // Alpine's busybox does not answer to that name
    file("/bin/bash", '#!/bin/sh\nexec /bin/sh "$@"\n', "0755"),
    file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    file("/etc/group", "root:x:0:\n"),
    // no password fits; without the file Proxmox would write one into passwd, which everybody reads
    file("/etc/shadow", "root:*:::::::\n", "0600"),
    // Proxmox adds to it, and ends where there is none
    file("/etc/securetty", "console\n"),
    dir("/etc/network"),
    dir("/ostree/pine/host"),
    ...["/boot/grub", slots].map((d) => dir(d)),
    file(`${slots}/a.cfg`, slotFile(slot)),
    file(`${slots}/env`, envBlock({ slot: "a" })),
    file(`${slots}/confirmed.cfg`, confirmedText("a")),
  ];
}

/** "../" for each folder above a path. */
const up = (path: string) => "../".repeat(path.split("/").length - 2);
