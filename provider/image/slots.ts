/**
 * The format of boot/grub/pine/{a,b}.cfg and boot/grub/pine/env (docs/architecture.md): read by GRUB, by the agent on the
 * server, and here. Pure: no files, no processes.
 */
import { die } from "../errors.ts";
import { kernelArgumentProblem, MAX_OPTIONS, PLAIN, tooLong } from "./slot-options.ts";

/** Stateroot of every installed system. */
export const STATEROOT = "pine";
/** Folder of the slots, from the root of the root filesystem. */
export const SLOTS_DIR = "boot/grub/pine";
/** Seconds after which an unconfirmed trial is rebooted. */
export const DEADMAN_SECONDS = 300;

export type SlotName = "a" | "b";

export interface Slot {
  /** What the menu shows. */
  title: string;
  /** UUID of the filesystem with the kernels, which GRUB searches for: the root's, or that of a /boot of its own. "" in a container. */
  uuid: string;
  /** Kernel and initramfs from the top of that filesystem: "/boot/ostree/…", or of a /boot of its own "/ostree/…". A container has "" as initrd. */
  linux: string;
  initrd: string;
  /** Kernel arguments, see {@link slotOptions}; of a container {@link containerOptions}. */
  options: string;
}

/** GRUB's view of who boots; docs/architecture.md says what each means. */
export interface EnvState {
  /** Confirmed slot; undefined: the old system. */
  slot?: SlotName;
  /** Slot on trial. */
  trial?: SlotName;
  /** Boots left to the trial. */
  tries?: number;
  /** Boots of the confirmed slot that have not reached the default runlevel. */
  boots?: number;
}

const KEYS = ["title", "uuid", "linux", "initrd", "options"] as const;

const PATH = /^\/[A-Za-z0-9_.,:=+@%/~-]+$/;

/** The kernel of a container: a line of text in its commit, without which OSTree deploys nothing (system/targets/container). */
const NO_KERNEL = /\/vmlinuz-0-container$/;

/** What a slot has not where its system is a container, which no GRUB boots. */
const isLeftOut = (slot: Partial<Slot>, key: keyof Slot) =>
  (key === "uuid" || key === "initrd") && slot.uuid === "" && slot.initrd === "" && NO_KERNEL.test(slot.linux ?? "");

/** The text of a slot file. Refuses what GRUB would interpret. */
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
  return KEYS.map((key) => `set pine_${key}="${slot[key]}"\n`).join("");
}

/** Reads what {@link slotFile} or the agent wrote. `undefined` when it is no complete slot file. */
export function parseSlotFile(text: string): Slot | undefined {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^set pine_([a-z]+)="([^"]*)"\s*$/.exec(line);
    if (match) found.set(match[1]!, match[2]!);
    else if (line.trim() !== "" && !line.startsWith("#")) return undefined;
  }
  const slot: Partial<Slot> = Object.fromEntries(KEYS.map((key) => [key, found.get(key)]));
  return KEYS.every((key) => slot[key] || isLeftOut(slot, key)) ? (slot as Slot) : undefined;
}

/** Size of a GRUB environment block, in bytes: GRUB refuses any other. */
export const ENV_SIZE = 1024;
const ENV_HEADER = "# GRUB Environment Block\n";

/** The environment block, exactly 1024 bytes; all that varies lies in the first sector (512 bytes), which disks write whole. */
export function envBlock(state: EnvState): Buffer {
  const count = (n: number | undefined) => {
    if (n !== undefined && !(Number.isInteger(n) && n >= 0 && n <= 9)) die(`${n} is no count for GRUB's state, 0 to 9`);
    return n === undefined ? "" : String(n);
  };
  const text = [
    `pine_slot=${state.slot ?? ""}`,
    `pine_trial=${state.trial ?? ""}`,
    `pine_tries=${count(state.tries)}`,
    `pine_boots=${count(state.boots)}`,
  ];
  const block = Buffer.alloc(ENV_SIZE, "#");
  block.write(`${ENV_HEADER}${text.join("\n")}\n`, "latin1");
  return block;
}

/** Reads an environment block; throws when it is none, so that nobody arms a trial on a broken one. */
export function parseEnvBlock(block: Uint8Array): EnvState {
  const text = Buffer.from(block).toString("latin1");
  if (block.length !== ENV_SIZE || !text.startsWith(ENV_HEADER))
    die(`not a GRUB environment block: ${block.length} bytes, begins with ${JSON.stringify(text.slice(0, 24))}`);
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^(pine_[a-z]+)=(.*)$/.exec(line);
    if (match) values.set(match[1]!, match[2]!);
  }
  const slot = (key: string): SlotName | undefined => {
    const value = values.get(key) ?? "";
    if (value !== "" && value !== "a" && value !== "b") die(`${key} in GRUB's environment is ${JSON.stringify(value)}`);
    return value === "" ? undefined : value;
  };
  const count = (key: string): number | undefined => {
    const value = values.get(key) ?? "";
    if (!/^[0-9]?$/.test(value)) die(`${key} in GRUB's environment is ${JSON.stringify(value)}`);
    return value === "" ? undefined : Number(value);
  };
  return { slot: slot("pine_slot"), trial: slot("pine_trial"), tries: count("pine_tries"), boots: count("pine_boots") };
}

/** Where the slots lie when that is not the root filesystem: the installed system binds them to boot/grub/pine (system/rootfs, pine-slots). */
export interface SlotsPlace {
  /** Type and UUID of the filesystem, as blkid names them. */
  type: string;
  uuid: string;
  /** From its top: "/grub/pine". */
  path: string;
}

export interface SlotOptions {
  /** UUID of the filesystem that holds /ostree. */
  rootUuid: string;
  /** Its type; default ext4. */
  rootType?: string;
  /** UUID of an image's /boot partition (ext4); default: /boot lies on the root. */
  bootUuid?: string;
  /** Default: on that filesystem. */
  slots?: SlotsPlace;
  /** OSTree commit of the deployment, 64 hex digits. */
  checksum: string;
  /** The number after the dot in the deployment's folder. */
  serial: number;
  /** Values of `console=`, the last is /dev/console; e.g. ["tty0", "ttyS0,115200"]. */
  console?: readonly string[];
  /** Further kernel arguments, one each. */
  extra?: readonly string[];
  /** Seconds to the reboot of an unconfirmed trial. */
  deadman?: number;
}

/** The folder of a deployment from the root of the root filesystem. */
export function deploymentPath(checksum: string, serial: number): string {
  if (!/^[0-9a-f]{64}$/.test(checksum)) die(`not an OSTree checksum: ${JSON.stringify(checksum)}`);
  if (!Number.isInteger(serial) || serial < 0) die(`not a deployment's serial number: ${serial}`);
  return `/ostree/deploy/${STATEROOT}/deploy/${checksum}.${serial}`;
}

const UUID = /^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/;

/**
 * The kernel arguments of a slot. A kernel that panics, oopses or locks up reboots after 10 s, so that GRUB's state
 * machine counts it and falls back.
 */
export function slotOptions(o: SlotOptions): string {
  if (!UUID.test(o.rootUuid)) die(`not the UUID of a root filesystem: ${JSON.stringify(o.rootUuid)}`);
  if (o.bootUuid !== undefined && !UUID.test(o.bootUuid))
    die(`not the UUID of a /boot filesystem: ${JSON.stringify(o.bootUuid)}`);
  const consoles = (o.console ?? []).map((value) => {
    if (!/^[A-Za-z0-9,]+$/.test(value)) die(`not a console: ${JSON.stringify(value)}`, `give it as "ttyS0,115200"`);
    return `console=${value}`;
  });
  for (const arg of o.extra ?? []) {
    const reason = kernelArgumentProblem(arg);
    if (reason) die(`kernel argument ${JSON.stringify(arg)} ${reason}`);
  }
  const type = o.rootType ?? "ext4";
  if (!/^[a-z0-9]+$/.test(type)) die(`not the type of a filesystem: ${JSON.stringify(type)}`);
  return [
    `root=UUID=${o.rootUuid}`,
    ...(type === "ext4" ? [] : [`rootfstype=${type}`]),
    "rw quiet panic=10 oops=panic softlockup_panic=1",
    ...consoles,
    ...(o.extra ?? []),
    ...(o.bootUuid ? [`pine.boot=UUID=${o.bootUuid}`] : []),
    ...(o.slots ? [`pine.dir=${placeArgument(o.slots)}`] : []),
    `pine.deadman=${o.deadman ?? DEADMAN_SECONDS}`,
    `ostree=${deploymentPath(o.checksum, o.serial)}`,
  ].join(" ");
}

/** What a container's slot says: the deployment, and the seconds to the restart of an unconfirmed trial. */
export function containerOptions(o: Pick<SlotOptions, "checksum" | "serial" | "deadman">): string {
  return `ostree=${deploymentPath(o.checksum, o.serial)} pine.deadman=${o.deadman ?? DEADMAN_SECONDS}`;
}

/** `ext4:UUID=…:/grub/pine`. */
function placeArgument({ type, uuid, path }: SlotsPlace): string {
  const text = `${type}:UUID=${uuid}:${path}`;
  return /^[a-z0-9]+:UUID=[0-9A-Za-z-]+:\/[A-Za-z0-9/_-]+$/.test(text)
    ? text
    : die(`not a place for boot slots: ${text}`);
}

/** Ends what custom.cfg and image.cfg say of where they look. */
const LOOKED = /^ {2}set pine_config=\$config_directory.*\nfi$/m;

/** A configuration of GRUB's out of system/grub (custom.cfg, image.cfg): where it finds the folder of the slots, if not beside itself. */
export function slotsConfig(template: string, slots?: SlotsPlace): string {
  if (slots?.type !== "vfat") return template;
  const found = [`search --no-floppy --fs-uuid --set=pine_esp ${slots.uuid}`, `set pine_dir=($pine_esp)${slots.path}`];
  return template.replace(LOOKED, (looked) => [looked, ...found].join("\n"));
}
