/**
 * The physical root of a container's commit: deployed by OSTree without a kernel, with what starts it, the same bytes
 * each time.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { readSysroot, type Sysroot, sysrootTar } from "../../provider/image/sysroot/archive.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

let lab: ImageLab;
let rootfs: RootfsRecord;
let checksum: string;
let sysroot: Sysroot;
let host: string;
const on = async (argv: string[]) => {
  // else a second deployment cannot be removed but by chattr
  const env = { OSTREE_SYSROOT_DEBUG: "mutable-deployments" };
  const { stdout } = await lab.toolbox.run(argv, { env, binds: [{ source: host, target: "/run/work" }] });
  return stdout;
};
beforeAll(async () => {
  lab = await startImageLab();
  rootfs = await lab.rootfs([], lab.store, "container");
  ({ checksum } = await commitFromRootfs(lab, rootfs, {}));
  sysroot = await sysrootTar(lab, checksum);
  host = lab.folder();
  const binds = [
    { source: host, target: "/run/work" },
    { source: sysroot.path, target: "/run/sysroot", readOnly: true },
  ];
  const untar = ["tar", "-xpf", "/run/sysroot", "--numeric-owner", "-C", "/run/work"];
  await lab.toolbox.run(untar, { binds });
});
afterAll(() => lab?.end());

test("is deployed once, and whole", async () => {
  expect(rootfs.kernelRelease).toBe("");
  const status = await on(["ostree", "admin", "status", "--sysroot=/run/work"]);
  expect(status.match(/^. ?pine /gm)).toHaveLength(1);
  expect(status).toContain(`pine ${checksum}.0`);
  expect(await on(["ostree", "fsck", "--repo=/run/work/ostree/repo"])).toContain("no errors found");
  expect(readFileSync(join(host, "ostree/repo/config"), "utf8")).toMatch(/^bootloader=none$/m);
  // another one can be deployed beside it, as updates do
  await on(["ostree", "admin", "deploy", "--sysroot=/run/work", "--os=pine", "--retain", "pine/current"]);
  expect(await on(["ostree", "admin", "status", "--sysroot=/run/work"])).toContain(`pine ${checksum}.1`);
});

test("names a line of text as its kernel, and no initramfs", () => {
  expect(sysroot.kernel).toMatch(/^\/boot\/ostree\/pine-[0-9a-f]{64}\/vmlinuz-0-container$/);
  expect(sysroot.initrd).toBe("");
  expect(readFileSync(join(host, sysroot.kernel), "utf8")).toMatch(/^Not a kernel: .*\n$/);
});

test("has what starts it: the deployment's loader and shell by other names, and the wrapper", async () => {
  const same = (a: string, b: string) => expect(statSync(join(host, a)).ino, a).toBe(statSync(join(host, b)).ino);
  const { deployment } = sysroot;
  same("ostree/pine/ld.so", `${deployment}/usr/lib/ld-musl-x86_64.so.1`);
  for (const name of ["busybox", "sh"]) same(`ostree/pine/${name}`, `${deployment}/usr/bin/busybox`);
  expect(readFileSync(join(host, "ostree/pine/init"), "utf8")).toBe(assetText("system/container/init"));
  expect(await on(["stat", "-c", "%a %u %g", "/run/work/ostree/pine/init"])).toBe("755 0 0");
  // by no path of the container's own
  expect(await on(["/run/work/ostree/pine/ld.so", "/run/work/ostree/pine/sh", "-c", "echo $((6 * 7))"])).toBe("42");
});

test("of a machine has none of it", async () => {
  const machine = await lab.rootfs();
  await commitFromRootfs(lab, machine, {});
  const { path } = await sysrootTar(lab, machine.checksum);
  const binds = [{ source: path, target: "/run/sysroot", readOnly: true }];
  const names = (await lab.toolbox.run(["tar", "-tf", "/run/sysroot"], { binds })).stdout;
  expect(names).not.toMatch(/^ostree\/pine\/|0-container/m);
});

test("is the same bytes from another store", async () => {
  const other = await lab.copiedStore();
  expect(await readSysroot(other, checksum)).toBeUndefined();
  const again = await sysrootTar({ ...lab, store: other }, checksum);
  expect({ ...again, path: "" }).toEqual({ ...sysroot, path: "" });
  expect(existsSync(again.path)).toBe(true);
  process.stderr.write(`  sysroot of a container: ${again.size} bytes, unpacked ${again.unpackedSize}\n`);
});
