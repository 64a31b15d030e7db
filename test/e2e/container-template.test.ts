/**
 * A container template of a real commit, in both formats: what is in it, that it is the same bytes each time, and the
 * resource's life.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { parseSlotFile } from "../../provider/boot/slot.ts";
import { parseEnvBlock } from "../../provider/boot/state.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { containerTemplate as build, TEMPLATE_FORMATS, type Template } from "../../provider/image/template/template.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { run } from "../../provider/local/run.ts";
import { Unknown } from "../../provider/properties/values.ts";
import { containerTemplate } from "../../provider/resources/images/container-template.ts";
import { diskImage } from "../../provider/resources/images/disk-image.ts";
import { labKey } from "../lab/vps/key.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";
import { OtherUser } from "./other-user.ts";

let lab: ImageLab;
let rootfs: RootfsRecord;
let checksum: string;
const made = {} as Record<(typeof TEMPLATE_FORMATS)[number], Template>;
/** What the archive unpacks to. */
let root: string;

beforeAll(async () => {
  lab = await startImageLab();
  // a program with file capabilities
  rootfs = await lab.rootfs(["iputils-ping"], lab.store, "container");
  ({ checksum } = await commitFromRootfs(lab, rootfs, {}));
  for (const format of TEMPLATE_FORMATS) made[format] = await build(lab, checksum, format);
  root = await unpacked("tar.zst");
});
afterAll(() => lab?.end());

const UNPACK = {
  "tar.zst": "tar -xpf /run/template --numeric-owner --xattrs --xattrs-include='*' -C /run/work/root",
  squashfs: "unsquashfs -no-progress -quiet -f -d /run/work/root /run/template",
};
async function unpacked(format: keyof typeof UNPACK): Promise<string> {
  const dir = lab.folder();
  const binds = [
    { source: dir, target: "/run/work" },
    { source: made[format].path, target: "/run/template", readOnly: true },
  ];
  await lab.toolbox.run(["/bin/sh", "-euc", `mkdir /run/work/root; ${UNPACK[format]} >&2`], { binds });
  return join(dir, "root");
}
const within = async (folder: string, script: string) => {
  const binds = [{ source: folder, target: "/run/root" }];
  return (await lab.toolbox.run(["/bin/sh", "-euc", `cd /run/root; ${script}`], { binds })).stdout;
};
const text = (path: string) => readFileSync(join(root, path), "utf8");

describe("what is in it", () => {
  test("is the same in both formats: types, modes, owners, content, links, capabilities", async () => {
    const other = await unpacked("squashfs");
    const packed = `tar --sort=name --mtime=@0 --numeric-owner --format=posix --xattrs --xattrs-include='*' \\
      --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f -cf - .`;
    expect(await within(other, `${packed} | sha256sum`)).toBe(await within(root, `${packed} | sha256sum`));
    // of ping, in the deployment and by its name in OSTree's repository
    expect(await within(other, `${packed} | grep -aoc SCHILY.xattr.security.capability`)).toMatch(/^[1-9]/);
    const alone = "find ostree/repo/objects -name '*.file' -type f -links 1 | wc -l";
    expect(await within(other, alone)).toBe(await within(root, alone));
  });

  test("unpacks by this machine's own tar, as root", async () => {
    const dir = lab.folder();
    const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
    const asRoot = async (...argv: string[]) => {
      const [program = "", ...rest] = [...sudo, ...argv];
      return (await run(program, rest)).stdout;
    };
    await asRoot("tar", "-xpf", made["tar.zst"].path, "--numeric-owner", "-C", dir);
    const names = (await asRoot("sh", "-c", 'cd "$1"; find . -printf "%p %m %U:%G %l\\n" | sort', "sh", dir)).split(
      "\n",
    );
    await asRoot("find", dir, "-mindepth", "1", "-delete");
    expect(names.length).toBe(Number(await within(root, "find . | wc -l")));
    expect(names).toContain("./tmp 1777 0:0 ");
    expect(names).toContain("./bin/sh 777 0:0 ../ostree/pine/busybox");
  });

  test("OSTree's deployment, confirmed in slot a", async () => {
    expect(await within(root, "ostree admin status --sysroot=.")).toContain(`pine ${checksum}.0`);
    expect(await within(root, "ostree fsck --repo=ostree/repo")).toContain("no errors found");
    const slot = parseSlotFile(text("boot/grub/pine/a.cfg"));
    expect(slot).toMatchObject({ uuid: "", initrd: "", title: `Pine ${checksum.slice(0, 12)}` });
    expect(existsSync(join(root, slot!.linux))).toBe(true);
    expect(slot!.options).toBe(`ostree=/ostree/deploy/pine/deploy/${checksum}.0 pine.deadman=300`);
    expect(parseEnvBlock(readFileSync(join(root, "boot/grub/pine/env")))).toMatchObject({ slot: "a" });
  });

  test("what starts it, and programs for managers that run some in it", async () => {
    expect(text("sbin/init")).toBe(assetText("system/container/init"));
    expect(statSync(join(root, "sbin/init")).mode & 0o7777).toBe(0o755);
    const chroot = (argv: string) => within(root, `busybox chroot . ${argv}`);
    expect(await chroot("/bin/sh -c 'echo $((6 * 7))'")).toBe("42");
    expect(await chroot("/bin/bash -c 'set -- *; echo $#'")).toMatch(/^\d+$/);
    expect(await chroot("/ostree/pine/ld.so /ostree/pine/sh -c 'echo started'")).toBe("started");
    for (const folder of ["bin", "sbin", "usr/bin"])
      for (const name of readdirSync(join(root, folder)).filter((n) => !["init", "bash"].includes(n)))
        expect(readlinkSync(join(root, folder, name)), name).toMatch(/^(\.\.\/)+ostree\/pine\/busybox$/);
    const applets = (await within(root, "ostree/pine/busybox --list")).split("\n");
    const links = ["bin", "sbin", "usr/bin"].flatMap((folder) => readdirSync(join(root, folder)));
    expect(links.filter((n) => !["busybox", "bash"].includes(n) && !applets.includes(n))).toEqual([]);
  });

  test("what managers read and write", async () => {
    expect(text("etc/os-release")).toMatch(/^ID=alpine$/m);
    expect(text("etc/alpine-release")).toMatch(/^3\.\d+/);
    for (const file of ["hostname", "resolv.conf", "network/interfaces"])
      expect(text(`ostree/pine/host/${file.split("/").pop()}`), file).toBe(text(`etc/${file}`));
    expect(text("etc/network/interfaces")).toContain("iface eth0 inet dhcp");
    const modes = "stat -c '%a %u:%g %n' tmp etc/shadow etc/passwd dev proc sys run mnt";
    expect((await within(root, modes)).split("\n")).toEqual([
      "1777 0:0 tmp",
      "600 0:0 etc/shadow",
      "644 0:0 etc/passwd",
      ...["dev", "proc", "sys", "run", "mnt"].map((d) => `755 0:0 ${d}`),
    ]);
    expect(await within(root, "ls -A | sort | paste -sd' '")).toBe(
      "bin boot dev etc lib mnt ostree proc root run sbin sys tmp usr",
    );
  });

  test("/var filled, root's keys in it, and nothing that would let in anybody else", async () => {
    const key = (await labKey()).public.trim();
    expect(await within(root, "cat root/.ssh/authorized_keys")).toBe(key);
    expect(lstatSync(join(root, "root")).isSymbolicLink()).toBe(true);
    expect(await within(root, "stat -L -c %a root/ root/.ssh root/.ssh/authorized_keys | paste -sd' '")).toBe(
      "700 700 600",
    );
    expect(text("ostree/deploy/pine/var/.pine-factory")).toBe(`${checksum}.0\n`);
    const missing = `cd ostree/deploy/pine; (cd deploy/${checksum}.0/usr/share/factory/var; find .) | while read -r e; do
      [ -e "var/$e" ] || [ -L "var/$e" ] || echo "$e"; done`;
    expect(await within(root, missing)).toBe("");
    expect(await within(root, "find . -name '*host_key*' | grep -v /usr/ || true")).toBe("");
    const shadows = "find . -name shadow -exec cut -d: -f2 {} + | sort -u";
    expect((await within(root, shadows)).split("\n").filter((p) => !/^[!*]*$/.test(p))).toEqual([]);
  });
});

test("is about as large as its packages, and its content is not stored twice", async () => {
  const sum = (key: "size" | "installedSize") => rootfs.lock.reduce((all, p) => all + p[key], 0);
  const figures = TEMPLATE_FORMATS.map((f) => `${f} ${made[f].size}, ${(made[f].size / sum("size")).toFixed(3)}`);
  const { unpackedSize } = made.squashfs;
  process.stderr.write(
    `  template: ${figures.join("; ")} of ${rootfs.lock.length} packages (${sum("size")}); unpacked ${unpackedSize}\n`,
  );
  for (const p of [...rootfs.lock].sort((a, b) => b.size - a.size).slice(0, 6))
    process.stderr.write(`    ${p.name} ${p.size}, installed ${p.installedSize}\n`);
  for (const format of TEMPLATE_FORMATS) expect(made[format].size / sum("size")).toBeLessThan(1.1);
  const [kib] = (await within(root, "du -sk .")).split("\t");
  expect(Math.abs(Number(kib) * 1024 - unpackedSize) / unpackedSize).toBeLessThan(0.02);
});

test.each(TEMPLATE_FORMATS)("%s is the same bytes from another store", async (format) => {
  const store = await lab.copiedStore();
  const again = await build({ ...lab, store }, checksum, format);
  expect(again).toEqual({ ...made[format], path: expect.stringContaining(store.dir) });
  expect(again.path).not.toBe(made[format].path);
  expect(readFileSync(`${again.path}.sha256`, "utf8")).toBe(`${again.sha256}  ${again.name}.${format}\n`);
});

test("the same bytes come from an ordinary user and from root", async () => {
  const work = lab.folder();
  await chmod(work, 0o755);
  const other = await OtherUser.make(work);
  try {
    const config = { ...lab.config(), store: join(other.home, "store"), cache: join(other.home, "cache") };
    await lab.copiedStore(config.store);
    const owner = String(statSync(other.home).uid);
    if (process.getuid?.() === 0) await run("chown", ["-R", owner, config.store]);
    for (const template of TEMPLATE_FORMATS) {
      const input = JSON.stringify({ config, checksum, template });
      const again = JSON.parse(await other.node("test/e2e/build-image.ts", [input]));
      expect(again, `made by ${other.name}`).toEqual({ ...made[template], path: again.path });
    }
  } finally {
    await other.end();
  }
});

test("the life of a ContainerTemplate", async () => {
  const store = await lab.copiedStore();
  const life = new Life(containerTemplate, lab.config(store));
  const news = { commit: checksum };
  expect(await life.preview({ commit: Unknown.value })).toMatchObject({ sha256: Unknown.value });
  expect((await life.preview(news)).sha256).toBe(Unknown.value);
  expect(life.said.infos).toEqual([expect.stringMatching(/^makes a tar\.zst, about \d/)]);
  const first = await life.up(news);
  expect(first).toMatchObject({ commit: checksum, sha256: made["tar.zst"].sha256, size: made["tar.zst"].size });
  expect(await life.preview(news)).toEqual(first);
  expect(await life.diff(news)).toEqual({ detailed: {}, changes: false });
  expect((await store.roots())[life.id]).toHaveLength(1);
  rmSync(first.path);
  expect(await life.diff(news)).toEqual({ detailed: {}, changes: true });
  expect(await life.up(news)).toEqual(first);
  expect(await life.diff({ ...news, format: "squashfs" })).toMatchObject({ detailed: { format: "update" } });
  await life.destroy();
  expect(await store.roots()).toEqual({});
});

test("a machine's commit is refused, and a container's by a DiskImage, in preview too", async () => {
  const machine = await lab.rootfs();
  await commitFromRootfs(lab, machine, {});
  const wrong = [
    [containerTemplate, machine.checksum, /commit: \w+ is for a machine.*target: "container"/],
    [diskImage, checksum, /commit: \w+ is for a container, .*ContainerTemplate/],
  ] as const;
  for (const [resource, commit, said] of wrong) {
    const life = new Life(resource, lab.config());
    await expect(life.preview({ commit })).rejects.toThrow(said);
    await expect(life.up({ commit })).rejects.toThrow(said);
  }
});
