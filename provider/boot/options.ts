/** Kernel arguments of a slot. Pure. */
import { die } from "../errors.ts";
import { kernelArgumentProblem } from "./arguments.ts";
import type { SlotsPlace } from "./place.ts";
import { deploymentPath } from "./slot.ts";

/** Seconds after which an unconfirmed trial is rebooted. */
export const DEADMAN_SECONDS = 300;

export interface SlotOptions {
  /** UUID of the filesystem that holds /ostree. */
  rootUuid: string;
  /** Its type; default ext4. */
  rootType?: string;
  /** UUID of an image's /boot partition (ext4); default: /boot lies on the root. */
  bootUuid?: string;
  /** Where the slots lie; default: on that filesystem. */
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

/** The options of a container's slot: the deployment, and the seconds to the restart of an unconfirmed trial. */
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
