/** A boot slot: the file that GRUB sources and the agent writes. Pure. */
import { die } from "../errors.ts";
import { MAX_OPTIONS, PLAIN, tooLong } from "./arguments.ts";

/** Stateroot of every installed system. */
export const STATEROOT = "pine";

export type SlotName = "a" | "b";

export interface Slot {
  /** What the menu shows. */
  title: string;
  /**
   * UUID of the filesystem with the kernels, which GRUB searches for: the root or a separate /boot. "" in a container.
   */
  uuid: string;
  /**
   * Kernel and initramfs from the top of that filesystem: "/boot/ostree/…", or on a separate /boot "/ostree/…". A
   * container has "" as initrd.
   */
  linux: string;
  initrd: string;
  /** Kernel arguments, see {@link slotOptions}; for a container see {@link containerOptions}. */
  options: string;
  /** Folder of its boot part beside the slot's file; none: GRUB's stub starts the kernel itself. */
  part?: string;
}

const KEYS = ["title", "uuid", "linux", "initrd", "options"] as const;

const PATH = /^\/[A-Za-z0-9_.,:=+@%/~-]+$/;

/**
 * The kernel of a container: a line of text in its commit, which OSTree needs in order to deploy it
 * (system/targets/container).
 */
const NO_KERNEL = /\/vmlinuz-0-container$/;

/** As libexec/pine/boot-part names it, after the commit. */
const PART = /^part-[0-9a-f]{16}$/;

/** Whether a container's slot lacks this key, since no GRUB boots it. */
const isLeftOut = (slot: Partial<Slot>, key: keyof Slot) =>
  (key === "uuid" || key === "initrd") && slot.uuid === "" && slot.initrd === "" && NO_KERNEL.test(slot.linux ?? "");

/** The text of a slot file. Refuses characters that GRUB would interpret. */
export function slotFile(slot: Slot): string {
  for (const key of KEYS) {
    const value = slot[key];
    if (isLeftOut(slot, key)) continue;
    const allowed = key === "linux" || key === "initrd" ? PATH : PLAIN;
    if (!allowed.test(value))
      die(`${key} of a boot slot holds characters that GRUB would interpret: ${JSON.stringify(value)}`);
    if (value === "") die(`${key} of a boot slot is empty`);
  }
  if (slot.options.length > MAX_OPTIONS) die(tooLong(slot.options.length));
  const { part } = slot;
  if (part !== undefined && !PART.test(part)) die(`not the folder of a boot part: ${JSON.stringify(part)}`);
  const lines = KEYS.map((key) => `set pine_${key}="${slot[key]}"\n`);
  return [...lines, ...(part === undefined ? [] : [`set pine_part="${part}"\n`])].join("");
}

/** Reads what {@link slotFile} or the agent wrote; undefined if it is no complete slot file. */
export function parseSlotFile(text: string): Slot | undefined {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^set pine_([a-z]+)="([^"]*)"\s*$/.exec(line);
    if (match) found.set(match[1]!, match[2]!);
    else if (line.trim() !== "" && !line.startsWith("#")) return undefined;
  }
  const slot: Partial<Slot> = Object.fromEntries(KEYS.map((key) => [key, found.get(key)]));
  const part = found.get("part");
  if (part !== undefined) slot.part = part;
  return KEYS.every((key) => slot[key] || isLeftOut(slot, key)) ? (slot as Slot) : undefined;
}

/** The folder of a deployment from the root of the root filesystem. */
export function deploymentPath(checksum: string, serial: number): string {
  if (!/^[0-9a-f]{64}$/.test(checksum)) die(`not an OSTree checksum: ${JSON.stringify(checksum)}`);
  if (!Number.isInteger(serial) || serial < 0) die(`not a deployment's serial number: ${serial}`);
  return `/ostree/deploy/${STATEROOT}/deploy/${checksum}.${serial}`;
}

/**
 * Title of a slot in GRUB's menu: the version, and the day (UTC) on which it came to the server. Plain characters only,
 * since GRUB reads it.
 */
export function slotTitle(version: string | undefined, checksum: string, day = new Date()): string {
  const title = `Pine ${version ?? checksum.slice(0, 12)}, ${day.toISOString().slice(0, 10)}`;
  return title.replace(/[^A-Za-z0-9 _.,:+-]/g, "_");
}
