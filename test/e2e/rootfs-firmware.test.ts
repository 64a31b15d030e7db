/**
 * Kernels that depend on `linux-firmware-any`, as Alpine's linux-lts does: apk alone takes all of it, 95 packages of 1
 * GB (alpinelinux/alpine-make-vm-image#21). Its packages and priorities as in Alpine's main/linux-firmware; their files
 * are left out.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { LockedPackage } from "../../provider/image/packages/mirror.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import type { PackageSpec } from "../lab/mirror/apk-format.ts";
import { type Bench, Life, startBench } from "./life.ts";

const firmware = (name: string, more: Partial<PackageSpec> = {}): PackageSpec => ({
  name,
  version: "20260221-r0",
  description: name,
  files: [],
  provides: ["linux-firmware-any"],
  providerPriority: 1,
  ...more,
});
const depends = ["linux-firmware-bnx2=20260221-r0", "linux-firmware-other=20260221-r0"];

const kernel: PackageSpec = {
  name: "linux-lts",
  version: "6.18.56-r0",
  description: "kernel",
  depends: ["linux-firmware-any"],
  files: [],
};

let bench: Bench;
beforeAll(async () => {
  bench = await startBench("firmware", {
    add: [
      kernel,
      firmware("linux-firmware", { depends, providerPriority: 2 }),
      ...["bnx2", "other", "none"].map((name) => firmware(`linux-firmware-${name}`)),
    ],
  });
});
afterAll(() => bench?.end());

/** What is locked of firmware, and what preview says of it. */
async function locked(kernel: string, packages: string[]) {
  const life = new Life(rootfs, bench.config);
  const { lockedPackages } = await life.preview({ kernel, packages });
  const names = (lockedPackages as LockedPackage[])
    .map((p) => p.name)
    .filter((name) => name.startsWith("linux-firmware"));
  return { names, said: life.said.infos.join("\n") };
}

it("lts comes without, and preview says so", async () => {
  const { names, said } = await locked("lts", []);
  expect(names).toEqual(["linux-firmware-none"]);
  expect(said).toMatch(/kernel lts comes without firmware files; .*linux-firmware-bnx2.*about 1 GB/);
});
it("what the program names comes, alone", async () => {
  expect((await locked("lts", ["linux-firmware-bnx2"])).names).toEqual(["linux-firmware-bnx2"]);
  const all = await locked("lts", ["linux-firmware"]);
  expect(all.names.sort()).toEqual(["linux-firmware", "linux-firmware-bnx2", "linux-firmware-other"]);
  expect(all.said).not.toContain("without firmware files");
});
it("virt asks for none", async () => {
  const { names, said } = await locked("virt", []);
  expect(names).toEqual([]);
  expect(said).not.toContain("firmware");
});
it("a mirror that has the kernel, and no package for none", async () => {
  const partial = await startBench("no-firmware", { add: [kernel, firmware("linux-firmware-bnx2")] });
  try {
    await expect(new Life(rootfs, partial.config).preview({ kernel: "lts", packages: [] })).rejects.toThrow(
      /^kernel: linux-lts comes without firmware files by linux-firmware-none, which is not in main, community; name the firmware packages/,
    );
    await new Life(rootfs, partial.config).preview({ kernel: "lts", packages: ["linux-firmware-bnx2"] });
  } finally {
    await partial.end();
  }
});
