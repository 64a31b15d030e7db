/** Commits, deltas and sysroots of a real Rootfs; the resource is in commit-life.test.ts. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasCommit } from "../../provider/image/ostree/check.ts";
import { commitFromRootfs, readCommit, readRef } from "../../provider/image/ostree/commits.ts";
import { staticDelta } from "../../provider/image/ostree/delta.ts";
import { commitTree } from "../../provider/image/ostree/write.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { sysrootTar } from "../../provider/image/sysroot/archive.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { quietTask } from "../../provider/task.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { processesWith } from "./life.ts";

let lab: ImageLab;
let base: RootfsRecord;
let more: RootfsRecord;
beforeAll(async () => {
  lab = await startImageLab();
  base = await lab.rootfs();
  more = await lab.rootfs(["tree"]);
});
afterAll(() => lab?.end());

const within = (source: string, target: string) => ({ source, target });
/** Runs a program of the toolbox on a folder, seen as /run/work, and a repository, seen as /run/repo. */
const tool = async (argv: string[], work: string, repo = work) =>
  (await lab.toolbox.run(argv, { binds: [within(work, "/run/work"), within(repo, "/run/repo")] })).stdout;
/** A tree that can be deployed, with almost nothing in it. */
async function smallTree(content: string): Promise<string> {
  const dir = lab.folder();
  await mkdir(join(dir, "usr/lib/modules/1.0"), { recursive: true });
  await mkdir(join(dir, "usr/etc"));
  await writeFile(join(dir, "usr/lib/os-release"), 'NAME="small"\nID=small\nVERSION_ID=1\nPRETTY_NAME="small"\n');
  for (const name of ["vmlinuz", "initramfs.img"]) await writeFile(join(dir, "usr/lib/modules/1.0", name), name);
  await writeFile(join(dir, "usr/etc/content"), content);
  return dir;
}

describe("a commit", () => {
  test("is a function of the tree: taken out and put into another store it has the same checksum", async () => {
    const dir = lab.folder();
    await tool(["ostree", "checkout", "--repo=/run/repo", base.checksum, "/run/work/tree"], dir, lab.store.repo);
    const other = await lab.ownStore();
    const options = { timestamp: base.timestamp, ref: "pine/test" };
    expect(await commitTree({ ...lab, store: other }, join(dir, "tree"), options)).toBe(base.checksum);
    expect(await readRef(other, "pine/test")).toBe(base.checksum);
    const shown = await tool(["ostree", "show", "--repo=/run/repo", base.checksum], dir, other.repo);
    expect(shown).toContain(`Date:  ${new Date(base.timestamp * 1000).toISOString().slice(0, 19).replace("T", " ")}`);
    expect(shown).not.toMatch(/Parent|Version/);
  });

  test("owns files as the packages say, whoever built it", async () => {
    const listed = await tool(["ostree", "ls", "--repo=/run/repo", base.checksum, "/usr/etc/shadow"], lab.store.repo);
    expect(listed).toMatch(/^-00640 0 42 /);
  });

  test("has another checksum with a version in it, the same each time, and the same content", async () => {
    const commit = (version?: string, shown?: string) => commitFromRootfs(lab, base, { version, shown });
    const plain = await commit(undefined, "0.1.0");
    expect(plain).toMatchObject({
      checksum: base.checksum,
      version: "0.1.0",
      rootfs: base.digest,
      packages: base.packages,
    });
    const one = await commit("1.0.0");
    expect(one.checksum).not.toBe(base.checksum);
    expect((await commit("1.0.0")).checksum).toBe(one.checksum);
    expect((await commit("1.0.1")).checksum).not.toBe(one.checksum);
    expect(await readCommit(lab.store, one.checksum)).toEqual(one);
    const diff = await tool(["ostree", "diff", "--repo=/run/repo", base.checksum, one.checksum], lab.store.repo);
    expect(diff).toBe("");
  });

  test("that is cancelled in the middle leaves nothing, and the store goes on", async () => {
    const dir = lab.folder();
    await tool(["ostree", "checkout", "--repo=/run/repo", base.checksum, "/run/work/tree"], dir, lab.store.repo);
    const store = await lab.ownStore();
    const cancel = new AbortController();
    const options = { timestamp: base.timestamp };
    const going = commitTree({ ...lab, store, task: quietTask(cancel.signal) }, join(dir, "tree"), options);
    // OSTree puts objects into a folder of the attempt before they are moved to their place
    const poll = setInterval(() => {
      if (list(store.path("repo", "tmp")).some((path) => path.includes("staging-"))) cancel.abort();
    }, 10);
    await expect(going.finally(() => clearInterval(poll))).rejects.toThrow(/abort|cancel/i);
    expect(await leftOf(store)).toEqual([]);
    expect(await hasCommit(store, base.checksum)).toBe(false);
    expect(await commitTree({ ...lab, store }, join(dir, "tree"), options)).toBe(base.checksum);
  });
});

const list = (path: string) => (existsSync(path) ? readdirSync(path).map((name) => `${path}/${name}`) : []);

/** Work in progress, in the store and as processes. */
async function leftOf(store: Store): Promise<string[]> {
  const files = [store.path("tmp"), store.path("repo", "tmp"), store.path("sysroots"), store.path("deltas")].flatMap(
    list,
  );
  await sleep(500);
  const lock = list(store.dir).filter((path) => path.endsWith("/lock"));
  return [...files.filter((f) => !f.endsWith("/cache")), ...lock, ...(await processesWith(store.dir))];
}

const applied = ["ostree", "static-delta", "apply-offline", "--repo=/run/work/repo", "/run/delta"];

describe("a static delta", () => {
  test("of one more small package is at most 2 % of the sysroot, and gives the same commit elsewhere", async () => {
    const delta = await staticDelta(lab, base.checksum, more.checksum);
    const sysroot = await sysrootTar(lab, base.checksum);
    expect(delta.size).toBeLessThanOrEqual(sysroot.size * 0.02);
    expect(
      createHash("sha256")
        .update(await readFile(delta.path))
        .digest("hex"),
    ).toBe(delta.sha256);

    const host = lab.folder();
    await tool(["ostree", "init", "--repo=/run/work/repo", "--mode=bare"], host);
    await tool(["ostree", "pull-local", "--repo=/run/work/repo", "/run/repo", base.checksum], host, lab.store.repo);
    const binds = [within(host, "/run/work"), within(delta.path, "/run/delta")];
    await lab.toolbox.run(applied, { binds });
    await tool(["ostree", "fsck", "--repo=/run/work/repo", "--quiet"], host);
    expect(await tool(["ostree", "ls", "--repo=/run/work/repo", more.checksum, "/usr/bin/tree"], host)).toContain(
      "-00755 0 0",
    );
  });

  test("is the same bytes from another store", async () => {
    const made = await staticDelta(lab, base.checksum, more.checksum);
    const store = await lab.copiedStore();
    rmSync(store.path("deltas"), { recursive: true, force: true });
    await sleep(1100); // OSTree's time is in seconds
    const again = await staticDelta({ ...lab, store }, base.checksum, more.checksum);
    expect(again).toEqual({ ...made, path: expect.stringContaining(store.dir) });
  });

  test("from nothing is one file too", async () => {
    const store = await lab.ownStore();
    const checksum = await commitTree({ ...lab, store }, await smallTree("1"), { timestamp: 1 });
    const delta = await staticDelta({ ...lab, store }, undefined, checksum);
    const host = lab.folder();
    await tool(["ostree", "init", "--repo=/run/work/repo", "--mode=bare"], host);
    const binds = [within(host, "/run/work"), within(delta.path, "/run/delta")];
    await lab.toolbox.run(applied, { binds });
    expect(await tool(["ostree", "cat", "--repo=/run/work/repo", checksum, "/usr/etc/content"], host)).toBe("1");
  });

  test("is not made from a commit that the store has not", async () => {
    const made = staticDelta(lab, "00".repeat(32), base.checksum);
    await expect(made).rejects.toThrow(/has no commit 000000/);
  });
});

describe("a sysroot", () => {
  test("holds what belongs beside an old system and nothing else, the same bytes from another store", async () => {
    const one = await sysrootTar(lab, base.checksum);
    const other = await lab.copiedStore();
    const two = await sysrootTar({ ...lab, store: other }, base.checksum);
    expect([two.sha256, two.size, two.unpackedSize]).toEqual([one.sha256, one.size, one.unpackedSize]);

    const binds = [within(one.path, "/run/sysroot")];
    const names = (await lab.toolbox.run(["tar", "-tf", "/run/sysroot"], { binds })).stdout.split("\n");
    const foreign = names.filter((n) => !/^(ostree\/|boot\/ostree\/|boot\/loader(\.[01]\/.*)?$)/.test(n));
    expect(foreign).toEqual([]);
    expect(names).toContain(one.kernel.slice(1));
    expect(names).toContain(one.initrd.slice(1));
    expect(names).toContain(`${one.deployment.slice(1)}/usr/bin/ostree`);
    const long = (await lab.toolbox.run(["tar", "--numeric-owner", "-tvf", "/run/sysroot"], { binds })).stdout.split(
      "\n",
    );
    expect(long.filter((l) => l.startsWith("h")).length).toBeGreaterThan(1000);
    expect(long.find((l) => l.endsWith("/etc/shadow"))).toMatch(/^-rw-r----- 0\/42 /);

    // on the disk of a host it takes what was said
    const host = lab.folder();
    await lab.toolbox.run(["tar", "-xpf", "/run/sysroot", "--numeric-owner", "-C", "/run/work"], {
      binds: [...binds, within(host, "/run/work")],
    });
    const [kib] = (await tool(["du", "-sk", "/run/work"], host)).split("\t");
    expect(Math.abs(Number(kib) * 1024 - one.unpackedSize) / one.unpackedSize).toBeLessThan(0.02);
    const config = await readFile(join(host, "ostree/repo/config"), "utf8");
    expect(config).toMatch(/^bootloader=none$/m);
    expect(config).not.toMatch(/fsync/);
    expect(await tool(["ostree", "fsck", "--repo=/run/work/ostree/repo"], host)).toContain("no errors found");
    expect(await tool(["ostree", "admin", "status", "--sysroot=/run/work"], host)).toContain(`pine ${base.checksum}.0`);
  });

  test("is to be had with gzip, too, with the same content", async () => {
    const [zst, gz] = [await sysrootTar(lab, base.checksum), await sysrootTar(lab, base.checksum, "gzip")];
    expect((await stat(gz.path)).size).toBe(gz.size);
    const both = [within(zst.path, "/run/zst"), within(gz.path, "/run/gz")];
    const sums = "zstd -dc /run/zst | sha256sum; gzip -dc /run/gz | sha256sum";
    const { stdout } = await lab.toolbox.run(["sh", "-c", sums], { binds: both });
    const [a, b] = stdout.split("\n");
    expect(a).toBe(b);
  });

  test("that is cancelled leaves nothing", async () => {
    const store = await lab.copiedStore();
    for (const when of ["making", "packing"]) {
      const cancel = new AbortController();
      const step = (said: string) => said.startsWith(when) && setTimeout(() => cancel.abort(), 50);
      const going = sysrootTar({ ...lab, store, task: { ...quietTask(cancel.signal), step } }, base.checksum);
      await expect(going).rejects.toThrow(/abort|cancel/i);
      expect(await leftOf(store)).toEqual([]);
    }
  });
});
