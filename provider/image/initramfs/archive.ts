/**
 * Our initramfs: busybox, musl, the few modules that a disk needs, and provider/system/initramfs/init. It has a sixth
 * of the size that mkinitfs makes.
 */
import { die } from "../../errors.ts";
import { readTar } from "../packages/apkfile.ts";
import { type CpioEntry, cpio, withFolders } from "./cpio.ts";
import { diskDrivers } from "./drivers.ts";
import { bootModules, type ModuleTables, moduleClosure, moduleEntries, moduleName } from "./modules.ts";

/** Modules that init loads, with what they need. Those that the kernel has built in, or not at all, are left out. */
export const wantedModules = (filesystems: readonly string[]): string[] => [
  ...filesystems,
  ...diskDrivers,
  // the dead-man of a trial; without them a machine that hangs stays down
  "i6300esb",
  "iTCO_wdt",
  "wdat_wdt",
  "sp5100_tco",
  "xen_wdt",
  // the checksum of ext4's and btrfs' metadata: the kernel asks for it by name
  "crc32c_generic",
  "crc32c_intel",
  "crc32c-cryptoapi",
];

/** Programs that init calls and its shell has not built in. */
// biome-ignore format: what belongs together is in one line
const applets = [
  "sh", "cat", "chroot", "findfs", "insmod", "ln", "ls", "mkdir", "mkfifo", "modprobe", "mount", "readlink",
  "sleep", "switch_root", "sync", "touch", "umount", "dd", "blkid", "dmesg",
];

export interface InitramfsParts {
  release: string;
  arch: string;
  /** What it mounts as a root. */
  filesystems: readonly string[];
  tables: ModuleTables;
  /** Text of provider/system/initramfs/init. */
  init: string;
  /** A tar of these files of the tree, paths without a slash before them. */
  tar: (paths: string[]) => Promise<Uint8Array>;
}

/** The archive, uncompressed. */
export async function initramfs(p: InitramfsParts): Promise<Buffer> {
  const folder = `usr/lib/modules/${p.release}`;
  const files = bootModules(p.release, wantedModules(p.filesystems), p.tables);
  const loader = `usr/lib/ld-musl-${p.arch}.so.1`;
  const wanted = ["usr/bin/busybox", loader, ...files.map((f) => `${folder}/${f}`)];
  const got = await readTar(await p.tar(wanted), () => true);
  const take = (path: string) => got.get(path) ?? die(`the tree has no ${path}`);
  const entries: CpioEntry[] = [
    { path: "init", type: "file", data: Buffer.from(p.init) },
    { path: "bin/busybox", type: "file", data: take("usr/bin/busybox") },
    { path: `lib/${loader.slice("usr/lib/".length)}`, type: "file", data: take(loader) },
    ...applets.map((a): CpioEntry => ({ path: `bin/${a}`, type: "link", target: "busybox" })),
    { path: "sbin", type: "link", target: "bin" },
    { path: "dev/console", type: "char", mode: 0o600, major: 5, minor: 1 },
    { path: "dev/null", type: "char", mode: 0o666, major: 1, minor: 3 },
  ];
  const modules = files.map((path) => ({ path, data: take(`${folder}/${path}`) }));
  // not the watchdogs' aliases: they are for a trial
  const drivers = moduleClosure([...diskDrivers], p.tables).files;
  entries.push(...moduleEntries(p.release, modules, p.tables, drivers));
  const names = drivers.map((path) => `${moduleName(path)}\n`);
  entries.push({ path: "etc/drivers", type: "file", mode: 0o644, data: Buffer.from(names.join("")) });
  return cpio(withFolders(entries));
}
