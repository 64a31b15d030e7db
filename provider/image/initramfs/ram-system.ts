/**
 * The RAM system of an overwrite: the commit's kernel, an initramfs with an SSH server and what writes a disk, and the
 * few programs that start it on an old system (kexec, dropbearconvert), which need nothing there. The server's own
 * files are added on the server.
 */

import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { die } from "../../errors.ts";
import { DATA_PACKAGES, DATA_PROGRAMS } from "../../filesystems/all.ts";
import { sha256 } from "../../local/hash.ts";
import { withFileLock } from "../../local/lock.ts";
import { withTemp } from "../namespace/temp.ts";
import { type CommitManifest, readCommit, rootsOf } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { isWhole, keepTree } from "../store/kept-tree.ts";
import { packagesTree, type ToolboxSource } from "../toolbox/toolbox.ts";
import { wantedModules } from "./archive.ts";
import { type CpioEntry, cpio, withFolders } from "./cpio.ts";
import { bootModules, moduleEntries } from "./modules.ts";
import { read, withLibraries, wrapper } from "./programs.ts";
import { fixedEntries, unique } from "./ram-entries.ts";

/** A folder of the cache with vmlinuz, initramfs.img and tools/. */
export interface RamSystem {
  path: string;
  /** Bytes that are sent to a server. */
  size: number;
}

// biome-ignore format: what belongs together is in one line
const packages = [
  "alpine-baselayout", "busybox", "ifupdown-ng", "dropbear", "dropbear-convert", "kexec-tools", "zstd",
  "sfdisk", ...DATA_PACKAGES,
];

/** Programs in /bin of the RAM system. */
const programs = ["busybox", "dropbear", "dropbearkey", "zstd", "sfdisk", ...DATA_PROGRAMS, "ifupdown"];
/** Programs for the old system; zstd for where that unpacks the initramfs itself. */
const tools = ["busybox", "kexec", "dropbearconvert", "dropbearkey", "zstd"];

/** Modules for network cards of servers and virtual machines, and for what networks use beside them. */
// biome-ignore format: what belongs together is in one line
const network = [
  "virtio_net", "e1000", "e1000e", "vmxnet3", "hv_netvsc", "xen_netfront", "igb", "igc", "ixgbe", "ixgbevf",
  "i40e", "iavf", "ice", "r8169", "8139cp", "tg3", "bnxt_en", "ena", "gve", "mlx4_en", "mlx5_core", "pcnet32",
  "af_packet", "8021q", "bonding", "ipv6",
];

/** The RAM system of a commit, from the cache or made now. */
export async function ramSystem(workshop: Workshop, source: ToolboxSource, checksum: string): Promise<RamSystem> {
  const { store, toolbox, task } = workshop;
  const commit = (await readCommit(store, checksum)) ?? die(`the store ${store.dir} has no commit ${checksum}`);
  const tree = await packagesTree("ram", packages, source, task);
  task.step("making the RAM system");
  return withTemp(join(source.cache, "tmp"), async (dir) => {
    const { vmlinuz, entries } = await kernelParts(workshop, commit, join(dir, "kernel"));
    for (const name of programs) entries.push(...(await withLibraries(tree, name)));
    for (const name of ["ifup", "ifdown", "ifquery"])
      entries.push({ path: `bin/${name}`, type: "link", target: "ifupdown" });
    for (const folder of ["usr/libexec/ifupdown-ng", "usr/share/udhcpc"])
      for (const name of await readdir(join(tree, folder)))
        entries.push({ path: `${folder}/${name}`, type: "file", data: await read(tree, `${folder}/${name}`) });
    entries.push(...fixedEntries());
    const archive = cpio(withFolders(unique(entries)));
    const kit = unique((await Promise.all(tools.map((name) => withLibraries(tree, name)))).flat());
    const wrappers = await Promise.all(tools.map((name) => wrapper(tree, name)));
    const digest = sha256([vmlinuz, archive, cpio(kit), wrappers.join()].map(sha256).join()).slice(0, 32);
    const path = join(source.cache, "ram-systems", `${toolbox.digest}-${digest}`);
    if (!(await isWhole(path))) {
      const work = join(dir, "new");
      await mkdir(join(work, "tools"), { recursive: true });
      await writeFile(join(work, "vmlinuz"), vmlinuz);
      const argv = ["zstd", "-19", "-q", "-", "-o", "/run/out/initramfs.img"];
      await toolbox.run(argv, { signal: task.signal, input: archive, binds: [{ source: work, target: "/run/out" }] });
      for (const e of kit) if (e.type === "file") await put(join(work, "tools", e.path), e.data);
      for (const [n, name] of tools.entries()) await put(join(work, "tools", name), wrappers[n]!);
      // another process made the same meanwhile: just as good
      const place = async () => (await isWhole(path)) || keepTree(work, path);
      await withFileLock(`${path}.lock`, "another RAM system", task, place);
    }
    return { path, size: await sizeOf(path) };
  });
}

/** The commit's kernel and the modules that are wanted, with the tables that modprobe reads. */
async function kernelParts(
  { store, toolbox, task }: Workshop,
  commit: CommitManifest,
  dir: string,
): Promise<{ vmlinuz: Buffer; entries: CpioEntry[] }> {
  const release = commit.kernelRelease;
  const folder = `/usr/lib/modules/${release}`;
  await mkdir(dir);
  const argv = ["ostree", "checkout", "--repo=/run/repo", "-U", `--subpath=${folder}`, commit.checksum, "/run/out/m"];
  const binds = [
    { source: store.repo, target: "/run/repo" },
    { source: dir, target: "/run/out" },
  ];
  await toolbox.run(argv, { signal: task.signal, binds });
  const at = (name: string) => join(dir, "m", name);
  const text = (name: string) => readFile(at(name), "utf8").catch(() => "");
  const tables = {
    dep: await text("modules.dep"),
    softdep: await text("modules.softdep"),
    builtin: await text("modules.builtin"),
    alias: await text("modules.alias"),
  };
  const wanted = [...new Set([...wantedModules(rootsOf(commit)), ...network])];
  const files = bootModules(release, wanted, tables);
  const modules = await Promise.all(files.map(async (path) => ({ path, data: await readFile(at(path)) })));
  return { vmlinuz: await readFile(at("vmlinuz")), entries: moduleEntries(release, modules, tables) };
}

async function put(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, data, { mode: 0o755 });
}

async function sizeOf(path: string): Promise<number> {
  const info = await lstat(path);
  if (!info.isDirectory()) return info.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, n) => sum + n, 0);
}
