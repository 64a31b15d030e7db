/** A published repository, served by Python's web server, pulled from by Debian's ostree as a host does it. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../provider/image/store/store.ts";
import { Secret } from "../../provider/properties/values.ts";
import { manifestPath, type Publication, publish } from "../../provider/publish/folder.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";
import { host, ostree, pullMeanwhile, REF, serve, Versions } from "./publish-lab.ts";

let lab: ImageLab;
let store: Store;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
});
afterAll(() => lab?.end());

describe("while it is published to, again and again", () => {
  it("whoever pulls gets one whole commit or the next, 50 times", async () => {
    const path = lab.folder();
    const versions = new Versions(lab, store);
    const { made } = versions;
    const { url, end } = await serve(path);
    const step = (p: Omit<Publication, "path">) => publish({ ...lab, store }, { ...p, path });
    await pullMeanwhile(lab, versions, { url, pulls: 50, seen: 3, publish: step }).finally(end);
    // of the earlier ones two are kept
    const commits = readdirSync(join(path, "objects")).flatMap((d) => readdirSync(join(path, "objects", d)));
    expect(commits.filter((name) => name.endsWith(".commit"))).toHaveLength(3);

    // another branch in the same folder takes nothing away
    const other = { path, ref: "pine/other", checksum: made[0]!, earlier: [], deltas: 0, fromEmpty: false };
    await publish({ ...lab, store }, other);
    const refs = (await ostree("refs", `--repo=${path}`)).split("\n").sort();
    expect(refs).toEqual(["pine/other", REF]);
    for (const ref of refs) await ostree("ls", `--repo=${path}`, "-R", ref);
    await ostree("fsck", `--repo=${path}`, "--quiet");
    await step(await versions.next());
    expect(await ostree("rev-parse", `--repo=${path}`, "pine/other")).toBe(made[0]);
    await ostree("fsck", `--repo=${path}`, "--quiet");
  });
});

const BUCKET = { endpoint: "https://s3.example.com", bucket: "pine", accessKeyId: "K", secretAccessKey: "S" };

describe("an OstreeCommit", () => {
  let path: string;
  let system: Life;
  let life: Life;
  let checksum: string;
  const key = new Secret(Buffer.alloc(32, 7).toString("base64"));
  beforeAll(async () => {
    path = lab.folder();
    const config = lab.config(store);
    [system, life] = [new Life(rootfs, config), new Life(ostreeCommit, config)];
    for (const packages of [[], ["tree"]]) {
      await system.up({ packages });
      await life.up({ rootfs: system.state.digest!, signingKey: key, publish: { folder: path } });
    }
    checksum = String(life.state.checksum);
  });

  it("is in its folder, with its manifest and a delta from the one before, which is enough to get it", async () => {
    expect(await readFile(manifestPath(path, "pine/x86_64/stable"), "utf8")).toMatch(
      new RegExp(`^pine=1\nchecksum=${checksum}\nref=pine/x86_64/stable\nversion=0\\.1\\.1\n.*\n\nRW\\S+\n$`, "s"),
    );
    const parent = String(life.state.parent);
    expect(await ostree("static-delta", "list", `--repo=${path}`)).toBe(`${parent}-${checksum}`);
    const { url, end } = await serve(path);
    try {
      const repo = await host(lab, url, "bare-user"); // deltas are for what has files as they are
      await ostree("pull", `--repo=${repo}`, "pine", parent);
      await ostree("pull", `--repo=${repo}`, "--require-static-deltas", "pine", "pine/x86_64/stable");
      expect(await ostree("rev-parse", `--repo=${repo}`, "pine:pine/x86_64/stable")).toBe(checksum);
      expect(await ostree("ls", `--repo=${repo}`, checksum, "/usr/bin/tree")).toMatch(/^-00755 0 0 /);
    } finally {
      await end();
    }
  });

  it("has no change while the folder has it, and is published again when it has not", async () => {
    const inputs = { rootfs: system.state.digest!, signingKey: key, publish: { folder: path } };
    expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: false });
    for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true });
    expect(await life.diff(inputs)).toEqual({ detailed: {}, changes: true });
    await life.up(inputs);
    expect(existsSync(join(path, "summary"))).toBe(true);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "a folder that is not absolute",
      () => ({ folder: "www" }),
      /publish\.folder: expected an absolute path, got "www"/,
    ],
    ["no place", () => ({}), /publish: expected exactly one of folder, ssh, s3$/],
    ["two places", () => ({ folder: "/srv", s3: BUCKET }), /publish: expected exactly one of .*, got folder and s3/],
    ["a server without a folder", () => ({ ssh: { connection: { host: "web" } } }), /publish\.ssh.*folder.*is missing/],
    ["deltas below 0", () => ({ folder: "/srv", deltas: -1 }), /publish\.deltas: .*0 to 20/],
    [
      "a folder that is not there",
      () => ({ folder: "/nonesuch/www" }),
      /publish\.folder: \/nonesuch\/www is not there: make it/,
    ],
    [
      "a file",
      () => {
        const file = join(lab.folder(), "file");
        writeFileSync(file, "");
        return { folder: file };
      },
      /is not a folder/,
    ],
    [
      "a folder with something else in it",
      () => {
        const dir = lab.folder();
        mkdirSync(join(dir, "photos"));
        return { folder: dir };
      },
      /holds something else: give an empty folder/,
    ],
  ])("refuses %s in preview", async (_, value, message) => {
    const other = new Life(ostreeCommit, lab.config(store));
    await expect(other.preview({ rootfs: system.state.digest!, publish: value() as never })).rejects.toThrow(message);
  });
});
