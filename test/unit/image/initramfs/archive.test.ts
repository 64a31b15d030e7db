import { mkdtemp, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { mountedWith } from "../../../../provider/filesystems/all.ts";
import { wantedModules } from "../../../../provider/image/initramfs/archive.ts";
import { cpio } from "../../../../provider/image/initramfs/cpio.ts";
import { moduleClosure, moduleEntries, mountable } from "../../../../provider/image/initramfs/modules.ts";
import { run } from "../../../../provider/local/run.ts";
import lts from "../../fixtures/linux-lts.json";

// lines of linux-virt 6.18.56-r0's tables; the first softdep is of our own making
const tables = {
  dep: `kernel/fs/ext4/ext4.ko.gz: kernel/lib/crc/crc16.ko.gz kernel/fs/mbcache.ko.gz kernel/fs/jbd2/jbd2.ko.gz
kernel/fs/jbd2/jbd2.ko.gz:
kernel/fs/mbcache.ko.gz:
kernel/lib/crc/crc16.ko.gz:
kernel/crypto/crc32c-cryptoapi.ko.gz:
kernel/drivers/nvme/host/nvme.ko.gz: kernel/drivers/nvme/host/nvme-core.ko.gz
kernel/drivers/nvme/host/nvme-core.ko.gz:
kernel/crypto/xor.ko.gz:
kernel/lib/raid6/raid6_pq.ko.gz:
kernel/fs/btrfs/btrfs.ko.gz: kernel/crypto/xor.ko.gz kernel/lib/raid6/raid6_pq.ko.gz
`,
  softdep: "# Soft dependencies\nsoftdep ext4 pre: crc32c-cryptoapi post: nowhere\n",
  builtin: "kernel/drivers/virtio/virtio_pci.ko\n",
  alias: `# Aliases extracted from modules themselves.
alias fs-ext4 ext4
alias pci:v*d*sv*sd*bc01sc08i02* nvme
alias cpu:type:x86,ven*fam*mod*:feature:*0094* crc32c_intel
alias scsi:t-0x00* sd_mod
`,
};

it("modules come with what they need, each after it; built-in ones are not missed", () => {
  const { files, missing } = moduleClosure(["ext4", "nvme", "virtio-pci", "mptspi"], tables);
  expect(new Set(files)).toEqual(
    new Set([
      "kernel/lib/crc/crc16.ko.gz",
      "kernel/fs/mbcache.ko.gz",
      "kernel/fs/jbd2/jbd2.ko.gz",
      "kernel/crypto/crc32c-cryptoapi.ko.gz",
      "kernel/fs/ext4/ext4.ko.gz",
      "kernel/drivers/nvme/host/nvme-core.ko.gz",
      "kernel/drivers/nvme/host/nvme.ko.gz",
    ]),
  );
  expect(files.indexOf("kernel/fs/jbd2/jbd2.ko.gz")).toBeLessThan(files.indexOf("kernel/fs/ext4/ext4.ko.gz"));
  expect(missing).toEqual(["mptspi"]);
});

it.each([
  ["those of everybody", ["e2fsprogs", "xfsprogs"], ["ext4"], []],
  ["btrfs for those who have its programs", ["btrfs-progs"], ["ext4", "btrfs"], ["xor", "raid6_pq", "btrfs"]],
])("filesystems of a root: %s, as far as the kernel has them", (_, packages, has, modules) => {
  const wanted = mountedWith(packages);
  expect(mountable(wanted, tables)).toEqual(has);
  expect(mountable(wanted, { ...tables, builtin: "kernel/fs/xfs/xfs.ko\n" })).toContain("xfs");
  const { files } = moduleClosure(wantedModules(wanted), tables);
  const names = files.map((path) => path.replace(/^.*\/|\.ko\.gz$/g, ""));
  expect(names.filter((name) => ["xor", "raid6_pq", "btrfs"].includes(name))).toEqual(modules);
});

const ltsTables = { ...tables, dep: lts.dep.join("\n"), builtin: lts.builtin.join("\n") };
it.each([
  ["QEMU: virtio-blk", ["virtio_pci", "virtio_mmio", "virtio_blk"]],
  ["QEMU: virtio-scsi", ["virtio_pci", "virtio_scsi", "sd_mod"]],
  ["SATA", ["ahci", "libahci", "libata", "scsi_mod", "sd_mod"]],
  ["IDE", ["ata_piix", "libata", "sd_mod"]],
  ["NVMe", ["nvme", "nvme-core", "vmd"]],
  ["Xen", ["xen-scsifront", "sd_mod"]],
  ["Hyper-V", ["hv_vmbus", "hv_storvsc", "sd_mod"]],
  ["Azure with NVMe", ["hv_vmbus", "pci-hyperv", "nvme"]],
  ["VMware", ["vmw_pvscsi", "mptspi", "mptsas", "BusLogic", "sd_mod"]],
  ["Proxmox' default", ["sym53c8xx", "sd_mod"]],
  ["a server's RAID controller", ["megaraid_sas", "mpt3sas", "mpi3mr", "hpsa", "smartpqi", "aacraid", "sd_mod"]],
])("linux-lts, whose buses are modules too, has what a root needs on %s", (_, modules) => {
  const { files, missing } = moduleClosure(wantedModules(["ext4", "xfs"]), ltsTables);
  const names = files.map((path) => path.replace(/^.*\/|\.ko\.gz$/g, ""));
  expect(names).toEqual(expect.arrayContaining(modules));
  expect(missing).not.toContain("xen_blkfront");
});

it("aliases lead to drivers of disks alone: no watchdog is started but by a trial", () => {
  const { files } = moduleClosure(["ext4", "nvme"], tables);
  const all = files.map((path) => ({ path, data: Buffer.alloc(0) }));
  const aliases = (found?: string[]) => {
    const entry = moduleEntries("6", all, tables, found).find((e) => e.path === "lib/modules/6/modules.alias");
    return entry?.type === "file" && Buffer.from(entry.data).toString();
  };
  expect(aliases(moduleClosure(["nvme"], tables).files)).toBe("alias pci:v*d*sv*sd*bc01sc08i02* nvme\n");
  expect(aliases()).toBe("alias fs-ext4 ext4\nalias pci:v*d*sv*sd*bc01sc08i02* nvme\n");
});

it("modules that need each other do not go round in circles", () =>
  expect(
    moduleClosure(["a"], { dep: "a.ko: b.ko\nb.ko: a.ko\n", softdep: "", builtin: "", alias: "" }).files.sort(),
  ).toEqual(["a.ko", "b.ko"]));

it("another reader unpacks the archive, whose bytes depend on its content alone", async () => {
  const entries = [
    { path: "bin", type: "dir" },
    { path: "bin/hello", type: "file", data: Buffer.from("hello\n") },
    { path: "bin/empty", type: "file", mode: 0o644, data: Buffer.alloc(0) },
    { path: "init", type: "link", target: "bin/hello" },
  ] as const;
  const bytes = cpio([...entries]);
  expect(cpio([...entries].reverse())).toEqual(bytes);
  const dir = await mkdtemp(join(tmpdir(), "pine-cpio-"));
  try {
    const listed = await run("python3", ["-c", reader, dir], { input: bytes });
    expect(listed.stdout.split("\n")).toEqual(["40755 bin", "100644 bin/empty", "100755 bin/hello", "120777 init"]);
    expect(await readFile(join(dir, "bin/hello"), "utf8")).toBe("hello\n");
    expect(await readlink(join(dir, "init"))).toBe("bin/hello");
    expect((await stat(join(dir, "bin/empty"))).size).toBe(0);
  } finally {
    await rm(dir, { recursive: true });
  }
});

/** Another reader of the format than ours: Python's, by the kernel's description of it. */
const reader = `
import os, sys
data, at, out = sys.stdin.buffer.read(), 0, sys.argv[1]
assert len(data) % 512 == 0
while True:
    assert data[at:at+6] == b"070701"
    f = [int(data[at+6+8*i:at+14+8*i], 16) for i in range(13)]
    mode, size, names = f[1], f[6], f[11]
    assert f[2] == f[3] == f[5] == 0
    name = data[at+110:at+110+names-1].decode()
    start = (at + 110 + names + 3) & ~3
    body = data[start:start+size]
    at = (start + size + 3) & ~3
    if name == "TRAILER!!!": break
    print("%o %s" % (mode, name))
    path = os.path.join(out, name)
    kind = mode & 0o170000
    if kind == 0o040000: os.mkdir(path)
    elif kind == 0o120000: os.symlink(body, path)
    else: open(path, "wb").write(body)
`;
