/** Which block devices each mounted file system lies on. Pure. What cannot be found counts as being on every disk. */
import { SEVERAL_DEVICES } from "../../filesystems/all.ts";
import { type Block, blkidDevice, elsewhereOf, type MountLine, mountLinesOf, tagsOf } from "./blocks.ts";
import type { Lines } from "./lines.ts";

export interface Mounted {
  /** Block device -> where it is mounted; "swap" for swap. */
  targets: Map<string, string[]>;
  /** Mounted from a device that cannot be found. */
  lost: string[];
}

/** Majors of devices that are no disk: memory, floppies, optical drives (Documentation/admin-guide/devices.txt). */
const NO_DISK_MAJORS = ["1", "2", "11"];
const LOOP_MAJOR = "7";
/** File systems of images that are read from a file: a snap's, a live system's. */
const IMAGES = ["squashfs", "erofs", "iso9660", "udf"];

/** The kernel's name of a device by any of its paths: its own, device-mapper's, LVM's, udev's. */
export function namesOf(lines: Lines, blocks: Map<string, Block>): (path: string) => string | undefined {
  const paths = new Map<string, string>();
  for (const line of lines.get("dm") ?? []) paths.set(`/dev/mapper/${line.replace(/^\S+ /, "")}`, line.split(" ")[0]!);
  for (const line of lines.get("link") ?? []) {
    const [kind = "", name = "", ...words] = line.split(" ");
    const value = words.join(" ");
    paths.set(`/dev/disk/by-${kind}/${value}`, name);
    if (kind === "id" && value.startsWith("dm-name-")) paths.set(`/dev/mapper/${value.slice("dm-name-".length)}`, name);
    // md-name-HOST:NAME
    if (kind === "id" && value.startsWith("md-name-"))
      paths.set(`/dev/md/${value.replace(/^md-name-(.*:)?/, "")}`, name);
  }
  return (path) => {
    if (!path.startsWith("/dev/")) return undefined;
    const own = path.slice("/dev/".length).replaceAll("/", "!");
    if (blocks.has(own)) return own;
    // LVM's second name of a volume: in the first one hyphens are doubled
    const [, group, volume] = /^\/dev\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    const double = (text = "") => text.replaceAll("-", "--");
    return paths.get(path) ?? paths.get(`/dev/mapper/${double(group)}-${double(volume)}`);
  };
}

/** Every mount and swap space with its devices. */
export function mountedOn(lines: Lines, blocks: Map<string, Block>): Mounted {
  const mounted: Mounted = { targets: new Map(), lost: [] };
  const look = { lines, blocks, named: namesOf(lines, blocks), mounts: mountLinesOf(lines) };
  for (const m of [...look.mounts, ...elsewhereOf(lines)]) attach(look, mounted, devicesOf(look, m), m.target);
  for (const line of lines.get("swap") ?? []) {
    const [path = "", kind] = line.split(/\s+/);
    const name = kind === "partition" ? look.named(path) : undefined;
    if (name !== undefined) add(mounted, name, "swap");
  }
  return mounted;
}

interface Look {
  lines: Lines;
  blocks: Map<string, Block>;
  named: (path: string) => string | undefined;
  mounts: MountLine[];
}
/** Names of block devices; undefined for one that cannot be found. Empty: on no disk. */
type Devices = (string | undefined)[];

function add({ targets }: Mounted, name: string, target: string) {
  targets.set(name, [...new Set([...(targets.get(name) ?? []), target])]);
}

/** Adds a target to the devices, and to those of the file or pool that the lowest of them lie in. */
function attach(look: Look, mounted: Mounted, devices: Devices, target: string, depth = 0) {
  for (const name of devices) {
    if (name !== undefined) add(mounted, name, target);
    const below = name === undefined ? [undefined] : lowest(look, name);
    if (below.includes(undefined) && !mounted.lost.includes(target)) mounted.lost.push(target);
    if (depth < 8) attach(look, mounted, below.filter(Boolean), target, depth + 1);
  }
}

/**
 * What the lowest layers of a device lie in: a file's or a pool's devices. Nothing for hardware, a network or memory;
 * undefined where it is not known.
 */
function lowest(look: Look, name: string, depth = 0): Devices {
  const block = look.blocks.get(name);
  if (!block || depth > 8) return [undefined];
  const below = [...block.slaves, ...(block.disk ? [block.disk] : [])];
  if (below.length > 0) return below.flatMap((b) => lowest(look, b, depth + 1));
  if (/^(nbd|rbd|zram|ram|etherd!)/.test(name)) return [];
  if (/^zd\d/.test(name)) return poolOf(look);
  if (/^loop\d/.test(name)) {
    const file = look.lines.get("loop")?.find((l) => l.startsWith(`${name} `));
    return file === undefined ? [undefined] : fileOf(look, file.slice(name.length + 1));
  }
  const virtual = /^(dm-|md|drbd|bcache)/.test(name) || look.lines.get("virtual")?.includes(name);
  return virtual ? [undefined] : [];
}

/** The devices that a file lies on. */
function fileOf(look: Look, path: string): Devices {
  if (path.startsWith("/dev/")) return [look.named(path)];
  const over = (m: MountLine) => m.target === "/" || path.startsWith(`${m.target}/`);
  const of = look.mounts.filter(over).sort((a, b) => b.target.length - a.target.length)[0];
  return of ? devicesOf(look, of) : [undefined];
}

/** The devices of a mounted file system. The device number tells, unless the file system has one of its own. */
function devicesOf(look: Look, m: MountLine): Devices {
  const numbered = [...look.blocks.values()].find((b) => b.number === m.number)?.name;
  const major = m.number.split(":")[0]!;
  if (NO_DISK_MAJORS.includes(major) || (major === LOOP_MAJOR && IMAGES.includes(m.type))) return [];
  const more = m.options.flatMap((o) => /^(?:logdev|rtdev)=(.*)$/.exec(o)?.[1] ?? []).map(look.named);
  if (numbered !== undefined) return [...siblings(look, m, numbered), ...more];
  if (major !== "0") return [undefined];
  if (m.type === "zfs") return poolOf(look, m.source.split("/")[0]);
  // bcachefs names all of its devices
  const paths = m.source.startsWith("/dev/") ? m.source.split(/:(?=\/dev\/)/) : [];
  const names = paths.map(look.named);
  // FUSE, a network's and the kernel's own file systems: a device only where one is named
  if (!SEVERAL_DEVICES.includes(m.type))
    return /^(fuse|tmpfs|overlay|9p|virtiofs|nfs|cifs)/.test(m.type) ? names.filter(Boolean) : names;
  if (names.length === 0) return [undefined];
  return names.flatMap((name) => (name === undefined ? [undefined] : siblings(look, m, name)));
}

/** All devices of a file system when one of them is known. */
function siblings({ lines, named }: Look, m: MountLine, name: string): string[] {
  const all = (lines.get("blkid") ?? []).map((l) => ({ device: named(blkidDevice(l)), tags: tagsOf(l) }));
  const own = all.find((d) => d.device === name)?.tags;
  // ext4 may have its journal on a device of its own
  const wanted = SEVERAL_DEVICES.includes(m.type) ? own?.UUID : own?.EXT_JOURNAL;
  const alike = all.filter((d) => wanted !== undefined && d.tags.UUID === wanted);
  const members = (lines.get("member") ?? []).map((l) => l.split(" "));
  const group = members.find(([, member]) => member === name)?.[0];
  const known = members.filter(([uuid]) => uuid === group).map(([, member]) => member!);
  return [...new Set([name, ...alike.flatMap((d) => d.device ?? []), ...known])];
}

/** The devices of a ZFS pool, which blkid labels with its name. Those of all pools, when it is not found. */
function poolOf({ lines, named }: Look, pool?: string): Devices {
  const all = (lines.get("blkid") ?? []).filter((l) => l.includes(' TYPE="zfs_member"'));
  const own = all.filter((l) => l.includes(` LABEL="${pool}"`));
  const names = (own.length > 0 ? own : all).map((l) => named(blkidDevice(l)));
  return names.length > 0 ? names : [undefined];
}
