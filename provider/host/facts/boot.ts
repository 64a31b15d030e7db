/**
 * What starts the server, and whether it is a machine at all, out of the script's lines. Evidence is weighed here.
 * Pure.
 */
import type { Lines } from "./lines.ts";
import { unquote } from "./machine.ts";
import type { ContainerRights, Facts, GrubFacts } from "./types/facts.ts";

/**
 * Managers that mark a container by a file, which stays in an image: seen on VMs made of a container's file system
 * (openSUSE/obs-build#272).
 */
const BY_FILE = ["docker", "podman", "container-other", "oci"];
/** They have a PID namespace of their own that looks like a machine's. */
const NEVER_LEFT = ["wsl", "openvz"];

/** Whether / is a whole file system on a disk or partition: a container's is a folder, an overlay or an image. */
function rootIsOwn(root: Facts["root"], folders: Facts["folders"]): boolean {
  return ["plain", "disk"].includes(root.kind) && root.type !== "overlay" && folders["/"] === undefined;
}

/**
 * A container's name and rights; undefined: a machine. A container's mark is a leftover when the root has a block
 * device of its own and process 1 is the kernel's own first one. If that is not known, only a mark of {@link BY_FILE}
 * under a hypervisor is a leftover.
 */
export function parseContainer(
  lines: Lines,
  o: { root: Facts["root"]; folders: Facts["folders"]; hypervisor: string },
): { kind: string; rights: ContainerRights } | undefined {
  const first = lines.get("container.pid")?.[0];
  const machine = rootIsOwn(o.root, o.folders) && first !== "own";
  const left = (name: string) =>
    machine && !NEVER_LEFT.includes(name) && (first === "first" || (BY_FILE.includes(name) && o.hypervisor !== "none"));
  const kind = lines.get("container")?.find((name) => !left(name));
  if (kind === undefined) return undefined;
  const [inside, outside] = (lines.get("container.user")?.[0] ?? "0 0").trim().split(/\s+/);
  const rights = {
    unprivileged: inside !== outside,
    refused: lines.get("container.no") ?? [],
    pivot: !lines.has("container.chroot"),
  };
  return { kind, rights };
}

/**
 * Mounts that show a folder of their file system, or a subvolume of btrfs: mount point -> that folder (field 4 of
 * mountinfo, proc(5)).
 */
export function foldersOf(lines: Lines): Facts["folders"] {
  const seen = new Map<string, string>();
  for (const line of lines.get("mount") ?? []) {
    const [, , , folder, target] = line.split(" ");
    // the last one mounted at a place is the one that is seen
    if (folder && target) seen.set(target, folder);
  }
  return Object.fromEntries([...seen].filter(([, folder]) => folder !== "/"));
}

/** PV, PVH or HVM. Before Linux 4.13 nothing tells, but a PV guest has no firmware that could have left DMI tables. */
export function xenOf(lines: Lines, hypervisor: string): string | undefined {
  const said = lines.get("xen")?.[0];
  if (said !== undefined || hypervisor !== "xen") return said;
  return lines.has("machine") || lines.has("efi") ? undefined : "PV";
}

/** Whether UEFI's own programs are 32-bit or 64-bit; before Linux 3.17 the GRUB that UEFI starts tells it. */
export function efiBits(lines: Lines): 32 | 64 | undefined {
  const size = lines.get("efi")?.[0];
  if (size === "32" || size === "64") return size === "32" ? 32 : 64;
  const platforms = lines.get("grub.platform") ?? [];
  if (size === undefined || platforms.includes("x86_64-efi")) return undefined;
  return platforms.includes("i386-efi") ? 32 : undefined;
}

export function parseGrub(lines: Lines): GrubFacts | undefined {
  const folder = lines.get("grub.folder")?.[0];
  if (!folder) return undefined;
  const custom = lines.get("grub.custom") ?? [];
  const [ours, other] = [custom.includes("ours"), custom.includes("other")];
  return {
    version: /\d+\.\d+\S*/.exec(lines.get("grub.version")?.[0] ?? "")?.[0],
    folder,
    otherFolder: lines.get("grub.folder")?.[1],
    platforms: lines.get("grub.platform") ?? [],
    sourcesCustom: lines.has("grub.source"),
    custom: ours && other ? "mixed" : ours ? "ours" : other ? "other" : "none",
    grubenv: lines.has("grub.env"),
    default: lines.has("grub.default") ? unquote(lines.get("grub.default")![0]!) : undefined,
    password: lines.has("grub.password"),
    signed: lines.has("grub.signed"),
    waits: lines.get("grub.waits") ?? [],
    after: lines.get("grub.after") ?? [],
  };
}
