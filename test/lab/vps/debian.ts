/**
 * The base image: Debian by mmdebstrap with its own GRUB, keys and users, made once a machine and kept in the cache.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { asRoot } from "../kept.ts";
import { type BaseImage, keep, keptBase, type Log, must, powerOff, type Release, timed } from "./bases.ts";
import { bootstrap, HOOKS, newHostKeys } from "./bootstrap.ts";
import { labKey } from "./key.ts";
import { ensureLayout, type Layout, layoutPackages } from "./layouts.ts";
import type { Firmware } from "./qemu.ts";
import { startVps } from "./vps.ts";

/**
 * What Debian boots by: GRUB for BIOS; GRUB for UEFI as grub-install makes it, on the fallback path alone; or shim and
 * the GRUB that Debian signed, as its installer has them: EFI/debian with a grub.cfg that leads to /boot/grub, and a
 * copy on the fallback path.
 */
export const BOOT_WAYS = ["bios", "uefi", "uefi-signed"] as const satisfies (Firmware | "uefi-signed")[];
export type BootWay = (typeof BOOT_WAYS)[number];

/** What the image is made of; with tree.sh and the lab's key it decides whether a kept one is still right. */
const RECIPE = {
  format: 2,
  diskMiB: 4096,
  uuid: "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11",
  // a minimal cloud image: no curl, no zstd
  packages: [
    "linux-image-cloud-amd64",
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "udev",
    "kmod",
    "procps",
    "openssh-server",
    "sudo",
    "ifupdown",
    "iproute2",
    "netbase",
    "ca-certificates",
    "xz-utils",
    "e2fsprogs",
    "fdisk",
  ],
  hooks: HOOKS,
  // by its name of the time: package opendoas since Debian 12
  doas: { bullseye: "doas", bookworm: "opendoas", trixie: "opendoas" },
  firmware: {
    bios: { packages: ["grub-pc"], install: ["grub-install /dev/vda"] },
    uefi: {
      packages: ["grub-efi-amd64", "dosfstools"],
      install: [
        "mkfs.fat -F 16 -i 5AFE0EF1 /dev/vda1 && mkdir -p /boot/efi",
        "echo 'UUID=5AFE-0EF1 /boot/efi vfat umask=0077 0 1' >>/etc/fstab && mount /boot/efi",
        // no boot entry in the firmware's memory, which each machine starts without
        "grub-install --target=x86_64-efi --removable --no-nvram",
      ],
    },
    "uefi-signed": {
      packages: ["grub-efi-amd64", "grub-efi-amd64-signed", "shim-signed", "dosfstools"],
      install: [
        "mkfs.fat -F 16 -i 5AFE0EF1 /dev/vda1 && mkdir -p /boot/efi",
        "echo 'UUID=5AFE-0EF1 /boot/efi vfat umask=0077 0 1' >>/etc/fstab && mount /boot/efi",
        // the same as grub-install's options below, for the packages' own scripts
        "echo grub-efi-amd64 grub2/force_efi_extra_removable boolean true | debconf-set-selections",
        "echo grub-efi-amd64 grub2/update_nvram boolean false | debconf-set-selections",
        "grub-install --target=x86_64-efi --force-extra-removable --no-nvram",
      ],
    },
  },
  firstBoot: ["update-grub", "journalctl --rotate --vacuum-size=1K", "fstrim /"],
};

/**
 * The read-only Debian disk of this machine's cache; made when it is not there: about two minutes, and three to seven
 * more for another layout than "plain". `more`: further Debian packages; `layout`: its file systems. Each choice is
 * another disk.
 */
export async function ensureDebian(
  log: Log = () => {},
  release: Release = "bookworm",
  way: BootWay = "bios",
  more: string[] = [],
  layout: Layout = "plain",
): Promise<BaseImage> {
  const firmware = way === "bios" ? "bios" : "uefi";
  const name = [release, ...(way === "bios" ? [] : [way]), ...(more.length > 0 ? ["more"] : [])].join("-");
  if (layout !== "plain") {
    const base = await ensureDebian(log, release, way, [...new Set([...more, ...layoutPackages(layout)])]);
    return ensureLayout(`${name}-${layout}`, base, layout, { diskMiB: RECIPE.diskMiB, grub: grubInstall(way) }, log);
  }
  const key = await labKey();
  const script = readFileSync(join(import.meta.dirname, "tree.sh"), "utf8");
  const { hooks, doas, firmware: ways, ...recipe } = RECIPE;
  const made = {
    ...recipe,
    packages: [...recipe.packages, ...more],
    hooks: hooks[release],
    doas: doas[release],
    way: ways[way],
  };
  const kept = await keptBase(name, [made, script, key.public, release, way], (work) =>
    build(work, { release, firmware, way, more }, key.public, log),
  );
  return { ...kept, release, firmware };
}

type What = Pick<BaseImage, "release" | "firmware"> & { way: BootWay; more: string[] };

/** The command that installs GRUB on the disk that is vda: the last one of those. */
const grubInstall = (way: BootWay) => RECIPE.firmware[way].install.at(-1)!;

async function build(work: string, what: What, publicKey: string, log: Log): Promise<void> {
  const { release, firmware, way } = what;
  const step = timed(log);
  step(`${release} (${way}) by mmdebstrap`);
  const packages = [...RECIPE.packages, ...what.more, RECIPE.doas[release], ...RECIPE.firmware[way].packages];
  await bootstrap(work, release, packages);
  step("disk with its own keys");
  const hostKeys = await newHostKeys(work, publicKey);
  await asRoot([join(import.meta.dirname, "tree.sh"), work], {
    UUID: RECIPE.uuid,
    DISK_MIB: String(RECIPE.diskMiB),
    FIRMWARE: firmware,
  });
  step("first boot: grub-install and update-grub");
  await firstBoot(work, hostKeys, way, step);
  const disk = await keep(work, join(work, "first.qcow2"), hostKeys);

  step("second boot, by its own GRUB");
  const vps = await startVps({ base: { disk, release, firmware, hostKeys }, dir: work, name: "check", log });
  await vps.stop();
  step("ready");
}

/** Boots the kernel directly, lets Debian install its own GRUB, and powers off. */
async function firstBoot(work: string, hostKeys: string[], way: BootWay, step: Log): Promise<void> {
  const kernel = { path: join(work, "vmlinuz"), initrd: join(work, "initrd.img") };
  const vps = await startVps({
    base: { disk: join(work, "disk.raw"), hostKeys },
    dir: work,
    name: "first",
    wait: true,
    kernel: { ...kernel, append: `root=UUID=${RECIPE.uuid} ro console=ttyS0,115200 net.ifnames=0` },
    log: step,
  });
  try {
    for (const command of [...RECIPE.firmware[way].install, ...RECIPE.firstBoot]) await must(vps, command);
    await powerOff(vps);
  } finally {
    await vps.stop();
  }
}
