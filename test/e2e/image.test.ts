/**
 * A disk image of a real Rootfs: it boots under BIOS and UEFI, lets root in by key, and is the same bytes each time.
 */
import { rmSync } from "node:fs";
import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageOptions } from "../../provider/image/disk/identity.ts";
import { diskImage as buildImage, type Image } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { run } from "../../provider/local/run.ts";
import { Unknown } from "../../provider/properties/values.ts";
import { diskImage } from "../../provider/resources/images/disk-image.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";
import { OtherUser } from "./other-user.ts";

const MiB = 1024 * 1024;
/** Boot of an emulated machine, at most: two of them on a loaded machine with two cores, and then some. */
const BOOT_MS = 600_000;
const options: ImageOptions = { title: "Pine test", console: ["tty0", "ttyS0,115200"], hostname: "img-1.example.org" };

let lab: ImageLab;
let rootfs: RootfsRecord;
let image: Image;
let disk: string;
beforeAll(async () => {
  lab = await startImageLab();
  rootfs = await lab.rootfs();
  const { checksum } = await commitFromRootfs(lab, rootfs, {});
  image = await buildImage(lab, checksum, options);
  disk = join(lab.folder(), "disk.raw");
  await run("zstd", ["-q", "-d", "--sparse", image.path, "-o", disk]);
});
afterAll(() => lab?.end());

describe.each(["bios", "uefi"] as const)("under %s", (firmware) => {
  let vps: Vps;
  beforeAll(async () => {
    // what a VM needs at least; the firmware of UEFI takes more for itself
    const memory = firmware === "bios" ? 96 : 256;
    vps = await startVps({ base: { disk }, dir: lab.folder(), firmware, memory });
    await vps.waitSsh(BOOT_MS);
  });
  afterAll(() => vps?.stop());

  const on = async (command: string) => {
    const { stdout, stderr, exitCode } = await vps.ssh(command);
    return `${exitCode} ${stdout}${stderr}`.trim();
  };

  test("it is this firmware that booted it, into slot a, without a trial", async () => {
    expect(await on("test -d /sys/firmware/efi && echo uefi || echo bios")).toBe(`0 ${firmware}`);
    const words = (await on("cat /proc/cmdline")).split(" ");
    expect(words).toContain(`root=UUID=${image.rootUuid}`);
    expect(words).toContain("pine.slot=a");
    expect(words.filter((w) => w.startsWith("pine.trial"))).toEqual([]);
  });
  test("the commit runs: OSTree says so, and so does the agent", async () => {
    expect(await on("ostree admin status")).toMatch(new RegExp(`^0 \\* pine ${rootfs.checksum}\\.0`));
    const status = await on("/usr/libexec/pine/agent status");
    expect(status).toMatch(/^0 running=a$/m);
    expect(status).toContain(`\nchecksum=${rootfs.checksum}\n`);
    expect(status).toContain("\nslot=a\n");
    expect(await on("hostname")).toBe("0 img-1.example.org");
  });
  test("/usr cannot be written, not by root either; /etc, /var and root's home can", async () => {
    expect(await on("touch /usr/x")).toMatch(/^1 .*Read-only file system/);
    expect(await on("touch /usr/bin/x /bin/x")).toMatch(/^1 .*Read-only file system/);
    expect(await on("touch /etc/x /var/x /root/x /home/x && echo written")).toBe("0 written");
    expect(await on("ls -ld /sysroot/ostree/deploy/pine/var/roothome/x")).toMatch(/^0 -rw/);
  });
  test("the boot is counted as one that got to its end, so that GRUB stays with it", async () => {
    // the last service of the runlevel does it, a moment after SSH answers
    const complete = "for i in $(seq 120); do [ -e /run/pine.completed ] && exit; sleep 1; done; exit 1";
    expect(await on(complete)).toBe("0");
    expect(await on("od -An -c -N 80 /boot/grub/pine/env | tr -d ' \\n'")).toMatch(/pine_slot=a\\npine_trial=\\n/);
    expect(await on("/usr/libexec/pine/agent status | grep ^boots=")).toBe("0 boots=");
    expect(await on("stat -c %s /boot/grub/pine/env")).toBe("0 1024");
  });
});

test("the same commit gives the same bytes, from another store and from nothing", async () => {
  const store = await lab.copiedStore();
  const again = await buildImage({ ...lab, store }, rootfs.checksum, options);
  const { path, ...same } = image;
  expect(again).toEqual({ ...same, path: expect.stringContaining(store.dir) });
  expect(again.path).not.toBe(path);
  const other = await buildImage({ ...lab, store }, rootfs.checksum, { ...options, hostname: "img-2" });
  expect(other.sha256).not.toBe(image.sha256);
  expect(other.rootUuid).not.toBe(image.rootUuid);
});

test("the same bytes come from an ordinary user and from root", async () => {
  const work = lab.folder();
  await chmod(work, 0o755);
  const other = await OtherUser.make(work);
  try {
    const config = { ...lab.config(), store: join(other.home, "store"), cache: join(other.home, "cache") };
    const input = JSON.stringify({ config, checksum: rootfs.checksum, options });
    await lab.copiedStore(config.store);
    const owner = String((await stat(other.home)).uid);
    if (process.getuid?.() === 0) await run("chown", ["-R", owner, config.store]);
    const made = JSON.parse(await other.node("test/e2e/build-image.ts", [input]));
    expect(made, `made by ${other.name}`).toEqual({ ...image, path: made.path });
  } finally {
    await other.end();
  }
});

test("the filesystem is sound, and as large as was asked for", async () => {
  const store = await lab.copiedStore();
  const large = { ...options, size: 1024 * MiB };
  const made = await buildImage({ ...lab, store }, rootfs.checksum, large);
  const dir = lab.folder();
  const raw = join(dir, "disk.raw");
  await run("zstd", ["-q", "-d", "--sparse", made.path, "-o", raw]);
  const root = made.partitions.find((p) => p.name === "root")!;
  expect(made.diskSize).toBe(1024 * MiB);
  const ext4 = join(dir, "root.ext4");
  const blocks = [`skip=${root.start / MiB}`, `count=${root.size / MiB}`, "bs=1M", "conv=sparse", "status=none"];
  await run("dd", [`if=${raw}`, `of=${ext4}`, ...blocks]);
  const binds = [{ source: dir, target: "/run/work" }];
  await lab.toolbox.run(["e2fsck", "-f", "-n", "/run/work/root.ext4"], { binds });
  const { stdout } = await lab.toolbox.run(["dumpe2fs", "-h", "/run/work/root.ext4"], { binds });
  expect(stdout).toMatch(new RegExp(`^Filesystem UUID: +${made.rootUuid}$`, "m"));
  expect(stdout).toMatch(new RegExp(`^Block count: +${root.size / 4096}$`, "m"));
  const free = Number(/^Free blocks: +(\d+)$/m.exec(stdout)?.[1]) * 4096;
  expect(free).toBeGreaterThan(800 * MiB);
  await run("sfdisk", ["--verify", raw]);
});

test("the life of a DiskImage", async () => {
  const store = await lab.copiedStore();
  const life = new Life(diskImage, lab.config(store));
  const news = { commit: rootfs.checksum };
  expect(await life.preview({ commit: Unknown.value })).toMatchObject({ sha256: Unknown.value });
  const first = await life.up(news);
  expect(first).toMatchObject({ commit: rootfs.checksum, path: expect.stringContaining(store.path("images")) });
  expect(first.partitions.map((p: { kind: string }) => p.kind)).toEqual(["bios", "esp", "linux"]);
  expect(await life.preview(news)).toEqual(first);
  expect(await life.diff(news)).toEqual({ detailed: {}, changes: false });
  expect((await store.roots())[life.id]).toHaveLength(1);

  rmSync(first.path);
  expect(await life.diff(news)).toEqual({ detailed: {}, changes: true });
  expect((await life.preview(news)).sha256).toBe(Unknown.value);
  expect(await life.up(news)).toEqual(first);

  await expect(life.up({ ...news, size: 128 })).rejects.toThrow(/a disk of 128 MiB is too small .*needs \d+ MiB/);
  await life.destroy();
  expect(await store.roots()).toEqual({});
  expect(await life.diff(news)).toEqual({ detailed: {}, changes: false });
});
