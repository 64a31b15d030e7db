/** The base image: Debian by mmdebstrap with its own GRUB, keys and users, made once a machine and kept in the cache. */
import type { StdioOptions } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../../provider/errors.ts";
import { run } from "../../../provider/run.ts";
import { labCache, startProcess } from "../processes.ts";
import { labKey, newKey, withLock } from "./key.ts";
import type { Firmware } from "./qemu.ts";
import { aptOptions, sourcesList } from "./sources.ts";
import { startVps } from "./vps.ts";

/** Debian 11, 12, 13. */
export const RELEASES = ["bullseye", "bookworm", "trixie"] as const;
export type Release = (typeof RELEASES)[number];

export interface BaseImage {
  /** qcow2, read-only. */
  disk: string;
  release: Release;
  /** What it boots by: it has GRUB for one of them only. */
  firmware: Firmware;
  /** Public host keys (`ssh-ed25519 AAAA…`), ed25519, ECDSA, RSA. */
  hostKeys: string[];
}

type Log = (message: string) => void;

/** What the image is made of; with tree.sh and the lab's key it decides whether a kept one is still right. */
const RECIPE = {
  format: 2,
  diskMiB: 4096,
  uuid: "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11",
  // a minimal cloud image: no curl, no zstd
  packages: [
    ...["linux-image-cloud-amd64", "systemd-sysv", "libpam-systemd", "dbus", "udev", "kmod", "procps"],
    ...[
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
  ],
  // as Debian 11's installer makes it: /bin, /sbin and /lib are links. Later releases do so by themselves.
  hooks: {
    bullseye: [
      'for d in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d" || exit 1; done',
    ],
    bookworm: [],
    trixie: [],
  },
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
  },
  firstBoot: ["update-grub", "journalctl --rotate --vacuum-size=1K", "fstrim /"],
};

/**
 * The read-only Debian disk of this machine's cache; made when it is not there (about two minutes). `more`: further Debian packages, which
 * make it another disk.
 */
export async function ensureDebian(
  log: Log = () => {},
  release: Release = "bookworm",
  firmware: Firmware = "bios",
  more: string[] = [],
): Promise<BaseImage> {
  const key = await labKey();
  const script = readFileSync(join(import.meta.dirname, "tree.sh"), "utf8");
  const { hooks, doas, firmware: ways, ...recipe } = RECIPE;
  const made = {
    ...recipe,
    packages: [...recipe.packages, ...more],
    hooks: hooks[release],
    doas: doas[release],
    way: ways[firmware],
  };
  const digest = createHash("sha256")
    .update(JSON.stringify([made, script, key.public, release, firmware]))
    .digest("hex");
  const name = [release, ...(firmware === "bios" ? [] : [firmware]), ...(more.length > 0 ? ["more"] : [])].join("-");
  const folder = join(labCache(), "vps", `${name}-${digest.slice(0, 16)}`);
  const image = (): BaseImage => ({
    disk: join(folder, "base.qcow2"),
    release,
    firmware,
    hostKeys: readFileSync(join(folder, "hostkeys.pub"), "utf8").trim().split("\n"),
  });
  if (existsSync(folder)) return image();
  return withLock(join(labCache(), "vps"), async () => {
    if (existsSync(folder)) return image();
    await removeWork(); // of a build that was killed: the lock is ours
    const work = await mkdtemp(join(labCache(), "vps", "tmp-"));
    try {
      await build(work, { release, firmware, more }, key.public, log);
      renameSync(join(work, "done"), folder);
    } finally {
      await removeWork();
    }
    return image();
  });
}

type What = Pick<BaseImage, "release" | "firmware"> & { more: string[] };

async function build(work: string, what: What, publicKey: string, log: Log): Promise<void> {
  const { release, firmware } = what;
  const began = Date.now();
  const step = (what: string) => log(`Debian VPS: ${what} (${((Date.now() - began) / 1000).toFixed(0)} s)`);
  step(`${release} (${firmware}) by mmdebstrap`);
  await bootstrap(work, what);
  step("disk with its own keys");
  const ssh = join(work, "ssh");
  mkdirSync(ssh);
  for (const type of ["ed25519", "ecdsa", "rsa"]) await newKey(join(ssh, `ssh_host_${type}_key`), type, "root@vps");
  writeFileSync(join(ssh, "key.pub"), `${publicKey}\n`);
  await asRoot([join(import.meta.dirname, "tree.sh"), work], {
    UUID: RECIPE.uuid,
    DISK_MIB: String(RECIPE.diskMiB),
    FIRMWARE: firmware,
  });
  const hostKeys = readdirSync(ssh)
    .filter((n) => /^ssh_host_.*\.pub$/.test(n))
    .sort((a, b) => Number(b.includes("ed25519")) - Number(a.includes("ed25519")))
    .map((n) => readFileSync(join(ssh, n), "utf8").split(" ").slice(0, 2).join(" "));

  step("first boot: grub-install and update-grub");
  const done = join(work, "done");
  mkdirSync(done);
  const disk = join(done, "base.qcow2");
  await firstBoot(work, hostKeys, firmware, step);
  await run("qemu-img", ["convert", "-O", "qcow2", join(work, "first.qcow2"), disk]);
  writeFileSync(join(done, "hostkeys.pub"), `${hostKeys.join("\n")}\n`);
  await run("chmod", ["0444", disk]);

  step("second boot, by its own GRUB");
  const vps = await startVps({ base: { disk, release, firmware, hostKeys }, dir: work, name: "check", log });
  await vps.stop();
  step("ready");
}

/** Removes work folders; a tree in one may belong to subordinate ids. */
async function removeWork(): Promise<void> {
  const folder = join(labCache(), "vps");
  const names = readdirSync(folder).filter((name) => name.startsWith("tmp-"));
  if (names.length) await asRoot(["-c", 'rm -rf -- "$@"', "rm", ...names.map((name) => join(folder, name))], {});
}

async function bootstrap(work: string, { release, firmware, more }: What): Promise<void> {
  const list = join(work, "sources.list");
  writeFileSync(list, sourcesList(release));
  const root = process.getuid?.() === 0;
  const args = [`--mode=${root ? "root" : "unshare"}`, "--variant=minbase", "--format=tar", "--quiet"];
  const packages = [...RECIPE.packages, ...more, RECIPE.doas[release], ...RECIPE.firmware[firmware].packages];
  args.push(...RECIPE.hooks[release].map((hook) => `--setup-hook=${hook}`));
  args.push(`--include=${packages.join(",")}`, ...(await aptOptions()), release, "-", list);
  const logFile = join(work, "mmdebstrap.log");
  const [tar, log] = [openSync(join(work, "root.tar"), "w"), openSync(logFile, "w")];
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  const o = { cwd: work, env, stdio: ["ignore", tar, log] as StdioOptions, gentle: true };
  const { exitCode, signal } = await startProcess("mmdebstrap", "mmdebstrap", args, o).ended;
  for (const fd of [tar, log]) closeSync(fd);
  const said = readFileSync(logFile, "utf8").trim().split("\n").slice(-15).join("\n");
  if (exitCode !== 0) die(`mmdebstrap: ${signal ?? `exit code ${exitCode}`}: ${said}`);
}

/** Runs a script as root, or as root of a user namespace that maps the whole subuid range. */
async function asRoot(command: string[], env: Record<string, string>): Promise<void> {
  const map = ["unshare", "--map-auto", "--map-root-user", "--setuid", "0", "--setgid", "0"];
  const [file, ...args] = [...(process.getuid?.() === 0 ? [] : map), "sh", ...command];
  await run(file!, args, { timeout: 10 * 60_000, extendEnv: true, env: { ...env, LC_ALL: "C.UTF-8" } });
}

/** Boots the kernel directly, lets Debian install its own GRUB, and powers off. */
async function firstBoot(work: string, hostKeys: string[], firmware: Firmware, step: Log): Promise<void> {
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
    for (const command of [...RECIPE.firmware[firmware].install, ...RECIPE.firstBoot]) {
      const r = await vps.ssh(command, { timeout: 300_000 });
      if (r.exitCode !== 0) die(`the lab's Debian: ${command}: exit code ${r.exitCode}: ${r.stderr || r.stdout}`);
    }
    await vps.ssh("systemctl poweroff");
    await vps.off(120_000);
  } finally {
    await vps.stop();
  }
}
