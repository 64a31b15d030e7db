/** Which disk is overwritten, what goes with it, and where data partitions lie. Pure. */
import { dataFilesystem } from "../../../filesystems/all.ts";
import { MiB } from "../../../filesystems/filesystem.ts";
import { humanBytes } from "../../../words.ts";
import type { Facts } from "../../facts/types/facts.ts";
import type { Disk, DiskPartition } from "../../facts/types/storage.ts";
import type { DataPartition, PlanInputs, PlannedData } from "../../plan/types.ts";
import { type Refusal, refuseChoice } from "../../refusal.ts";

/** Smaller ones are configuration drives of clouds (64 MiB at most) and are not offered as disks. */
const LEAST_DISK = 128 * MiB;
/** Mounts that belong to an old system and are erased with it; anything else that is mounted is somebody's data. */
const SYSTEM = /^\/($|boot(\/efi)?$|efi$|usr$|tmp$|var$|var\/(log|tmp|cache)$|sysroot(\/|$)|etc$|run\/|snap\/)/;

export const realDisks = (facts: Facts) => facts.disks.filter((d) => d.bytes >= LEAST_DISK && !d.readOnly);

const BY_ID = "/dev/disk/by-id/";
/** Names that describe the content of a disk and disappear with it. */
const CONTENT = /^(lvm-pv-uuid|md|dm)-/;
const nameOf = (d: Disk) => {
  const id = d.ids.find((name) => !CONTENT.test(name));
  return `${d.device} (${humanBytes(d.bytes)}${d.tableId ? `, ${d.table} ${d.tableId}` : ""}${id ? `, ${BY_ID}${id}` : ""})`;
};

/** The only disk, or the chosen one. */
export function chooseDisk(facts: Facts, inputs: PlanInputs): { disk: Disk } | { refusal: Refusal } {
  const disks = realDisks(facts);
  const all = disks.map(nameOf).join(", ");
  if (inputs.disk !== undefined) {
    const wanted = inputs.disk.toLowerCase();
    const found = disks.filter((d) =>
      [d.device, d.tableId ?? "", ...d.ids, ...d.ids.map((id) => BY_ID + id)].some(
        (name) => name !== "" && name.toLowerCase() === wanted,
      ),
    );
    if (found.length === 1) return { disk: found[0]! };
    return refuseChoice(
      "disk-choice",
      `disk "${inputs.disk}" names ${found.length === 0 ? "no disk" : "several disks"} of the server`,
      `it has ${all || "none that can be seen"}; name one by the id of its partition table, its /dev/disk/by-id or its device`,
    );
  }
  if (disks.length === 1) return { disk: disks[0]! };
  return disks.length === 0
    ? refuseChoice(
        "disk-none",
        "the server has no disk that can be seen",
        "check with lsblk whether it has one of its own",
      )
    : refuseChoice(
        "disk-choice",
        `the server has ${disks.length} disks: ${all}`,
        "say which one is erased: set `overwrite.disk`",
      );
}

/** Mounted file systems with somebody's data that an overwrite would erase, also those that may be on the disk. */
export function mountedData(disk: Disk, wanted: DataPartition[]): { target: string; device: string }[] {
  const labels = new Set(wanted.map((d) => d.label));
  const lost = (disk.perhaps ?? []).filter((target) => !SYSTEM.test(target));
  const perhaps = lost.map((target) => ({ target, device: "its device cannot be found, and may be on this disk" }));
  const found = [disk, ...disk.partitions].flatMap((volume) => {
    if (volume.label !== undefined && labels.has(volume.label)) return [];
    // mounts from the root's own file system are erased with it; with LVM each volume is a file system of its own
    if (volume.holds.length === 0 && volume.mounts.includes("/")) return [];
    const data = volume.mounts.filter((target) => target !== "swap" && !SYSTEM.test(target));
    return data.map((target) => ({ target, device: volume.device }));
  });
  return [...found, ...perhaps];
}

/** "vda1 (1.0 MB), vda2 (ext4 cloudimg-rootfs, 4.3 GB)". */
export function describePartitions(partitions: (Disk | DiskPartition)[]): string {
  return partitions
    .map((p) => {
      const what = [p.type, p.label, ...(p.holds.length > 0 && p.type === undefined ? p.holds : [])]
        .filter(Boolean)
        .join(" ");
      return `${p.device.replace("/dev/", "")} (${what ? `${what}, ` : ""}${humanBytes(p.bytes)})`;
    })
    .join(", ");
}

/** Where data partitions will lie behind an image of this size; existing ones stay where they are. */
export function layoutData(
  disk: Disk,
  wanted: DataPartition[],
  imageBytes: number,
): { data: PlannedData[] } | { refusal: Refusal } {
  const data: PlannedData[] = [];
  const there = new Map(disk.partitions.flatMap((p) => (p.label ? [[p.label, p] as const] : [])));
  // the second partition table takes the last MiB
  const end = Math.floor(disk.bytes / MiB) * MiB - MiB;
  let from = Math.ceil(imageBytes / MiB) * MiB;
  for (const d of wanted) {
    const old = there.get(d.label);
    if (!old) continue;
    if (old.start < imageBytes)
      return refuseChoice(
        "data-place",
        `data partition ${d.label} (${old.device}) begins at ${Math.floor(old.start / MiB)} MiB, and the image reaches to ${Math.ceil(imageBytes / MiB)} MiB`,
        `give the DiskImage a size of at most ${Math.floor(old.start / MiB)} MiB, or another label to have the partition erased`,
      );
    if (old.type !== d.filesystem)
      return refuseChoice(
        "data-filesystem",
        `data partition ${d.label} (${old.device}) is ${old.type ?? "an unknown file system"}, not ${d.filesystem}`,
        "set the filesystem that it has, or give another label to have it erased",
      );
    from = Math.max(from, Math.ceil((old.start + old.bytes) / MiB) * MiB);
  }
  for (const [n, { size, ...d }] of wanted.entries()) {
    const old = there.get(d.label);
    if (old) {
      data.push({ ...d, start: old.start, bytes: old.bytes, keep: true, partuuid: old.partuuid });
      continue;
    }
    if (size === undefined && n < wanted.length - 1)
      return refuseChoice("data-size", `data partition ${d.label} has no size`, "only the last one may take the rest");
    const bytes = size === undefined ? end - from : size * MiB;
    const { least } = dataFilesystem(d.filesystem);
    if (bytes < least || from + bytes > end)
      return refuseChoice(
        "data-size",
        `data partition ${d.label} does not fit: ${humanBytes(Math.max(0, end - from))} are left on ${disk.device} after the image`,
        `${d.filesystem} needs ${humanBytes(least)} or more; make the image, the other partitions or this one smaller`,
      );
    data.push({ ...d, start: from, bytes: size === undefined ? undefined : bytes, keep: false });
    from += bytes;
  }
  return { data };
}
