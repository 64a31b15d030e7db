/**
 * What the extras of a Rootfs bring to its tree: files of system/extras/<name>/, packages, services. Pure except for
 * reading those files.
 */
import { filesOf } from "./system-files.ts";
import { type Extra, extraNames, type Piece } from "./types.ts";

type Rest = Omit<Piece, "files"> & { files?: true };

/** `files`: there is a folder of that name in system/extras/. */
const extras: Record<Extra, Rest> = {
  // daily, by busybox' crond
  backup: { packages: ["restic"], services: { default: ["crond"] }, files: true },
  bubblewrap: { packages: ["bubblewrap"], files: true },
  /**
   * Programs built for glibc run by Alpine's own layer over musl, which brings their loader's name. No foreign glibc is
   * laid over the system: those packages (sgerrand's) come from a third party, are no longer maintained, and install
   * only with apk's force.
   */
  glibc: { packages: ["gcompat"] },
  iomon: { services: { default: ["pine-iomon"] }, files: true },
  /**
   * Its package brings crun, the network's programs, and those that an ordinary user needs; images lie in
   * /var/lib/containers.
   */
  podman: {
    packages: ["podman"],
    services: { boot: ["cgroups"] },
    modules: ["overlay", "tun"], // layers of images, an ordinary user's network
    files: true,
  },
  resolver: { services: { default: ["pine-resolver"] }, files: true },
  ssheval: { files: true },
  tcpmon: { packages: ["tcpdump"], files: true },
  toolbox: { files: true },
  unlock: { links: [{ path: "/usr/sbin/pine-lock", target: "pine-unlock" }], files: true },
};

/** What extras bring, in the order of {@link extraNames}. */
export function extraPieces(wanted: readonly Extra[]): Piece[] {
  return extraNames
    .filter((name) => wanted.includes(name))
    .map((name) => {
      const { files, ...rest } = extras[name];
      return files ? { ...rest, files: filesOf(`extras/${name}`) } : rest;
    });
}
