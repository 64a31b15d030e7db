/** The commands that people give by hand, as the built plugin has them: fsck and summary. */
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCommit } from "../../provider/image/ostree/check.ts";
import { staticDelta } from "../../provider/image/ostree/delta.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { run } from "../../provider/local/run.ts";
import { manifestPath, publish } from "../../provider/publish/folder.ts";
import { readSigningKey } from "../../provider/trust/signify.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { REF, Versions } from "./publish-lab.ts";

let lab: ImageLab;
let store: Store;
let versions: Versions;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  versions = new Versions(lab, store);
  for (let n = 0; n < 2; n++) await versions.next();
});
afterAll(() => lab?.end());

const PLUGIN = join(import.meta.dirname, "../../bin/pulumi-resource-pine");
const command = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await run(PLUGIN, args, { ok: [0, 1], timeout: 120_000 });
  return { lines: stdout.split("\n"), stderr, exitCode };
};

describe("fsck", () => {
  const fsck = (...args: string[]) => command("fsck", ...args, store.dir, lab.config().cache);
  let delta: string;
  let object: string;
  let tree: string;
  const nameOf = (path: string) => path.replace(/^.*(..)\/(.{62})\..*$/, "$1$2");

  it("finds a store whole", async () => {
    delta = (await staticDelta({ ...lab, store }, versions.made[0], versions.made[1]!)).path;
    await store.writeJson(store.rootfs("d1".repeat(32)), {});
    expect(await fsck()).toEqual({
      lines: [`${store.dir}: the repository and 1 sysroots, deltas and images are whole`],
      stderr: "",
      exitCode: 0,
    });
  });

  it("names what is damaged, and changes nothing", async () => {
    const content = readdirSync(join(store.repo, "objects")).flatMap((head) =>
      readdirSync(join(store.repo, "objects", head)).map((name) => join(store.repo, "objects", head, name)),
    );
    object = content.find((path) => path.endsWith(".filez"))!;
    tree = content.find((path) => path.endsWith(".dirtree"))!;
    const bytes = readFileSync(object);
    bytes[bytes.length - 3]! ^= 1;
    writeFileSync(object, bytes);
    truncateSync(delta, readFileSync(delta).length - 1);
    writeFileSync(store.rootfs("d1".repeat(32)), "{");
    for (let n = 0; n < 2; n++) {
      const { lines, exitCode } = await fsck();
      expect(exitCode).toBe(1);
      expect(lines).toEqual([
        expect.stringMatching(new RegExp(`^object ${nameOf(object)}: .* \\(commit `)),
        expect.stringMatching(/^deltas\/.*\.delta: has \d+ bytes instead of \d+$/),
        expect.stringMatching(/^rootfs\/(d1)+\.json: is not JSON: delete it/),
        "3 damaged: run fsck --delete, and the next `pulumi up` makes it again",
      ]);
    }
    expect(existsSync(object)).toBe(true);
    expect(await Promise.all(versions.made.map((c) => hasCommit(store, c)))).toEqual([true, true]);
  });

  it("where a folder is missing, says so, and that OSTree looks no further", async () => {
    rmSync(tree);
    expect((await fsck()).lines.slice(0, 2)).toEqual([
      expect.stringMatching(new RegExp(`^object ${nameOf(tree)}.dirtree: No such metadata object \\(commit `)),
      "repository: OSTree stopped there: run fsck again once that is repaired",
    ]);
  });

  it("--delete makes it count as missing, so that it is made anew", async () => {
    expect((await fsck("--delete")).exitCode).toBe(1);
    expect(existsSync(object)).toBe(false);
    expect(await Promise.all(versions.made.map((c) => hasCommit(store, c)))).toContain(false);
    const again = new Versions(lab, store);
    for (let n = 0; n < 2; n++) await again.next();
    expect(again.made).toEqual(versions.made);
    await staticDelta({ ...lab, store }, versions.made[0], versions.made[1]!);
    await store.writeJson(store.rootfs("d1".repeat(32)), {});
    expect((await fsck()).exitCode).toBe(0);
  });

  it.each([
    [["/nonesuch"], /\/nonesuch is not a store of Pine: it has no repo; give the folder that pine:store names/],
    [["--all"], /usage: pulumi-resource-pine fsck/],
    [["a", "b", "c"], /usage/],
  ])("says what is wrong with %j", async (args, message) => {
    const { stderr, exitCode } = await command("fsck", ...args);
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(message)]);
  });
});

describe("summary", () => {
  it("lists branches, commits, who signed, and deltas", async () => {
    const path = lab.folder();
    const [first, checksum] = versions.made as [string, string];
    const key = readSigningKey(Buffer.alloc(32, 7).toString("base64"));
    if (typeof key === "string") throw new Error(key);
    const m = { checksum, ref: REF, version: "1.2.0", arch: "x86_64", target: "vm" as const, created: 1000 };
    const p = { path, ref: REF, checksum, earlier: [first], deltas: 1, fromEmpty: true };
    const signing = { manifest: m, signers: { keys: [key], spare: [] }, statement: { withdrawn: [], barriers: [] } };
    await publish({ ...lab, store }, { ...p, signing });
    const { lines, exitCode } = await command("summary", path);
    expect(exitCode).toBe(0);
    expect(lines).toEqual([
      REF,
      `  commit ${checksum}, version 1.2.0`,
      expect.stringMatching(/^ {2}signed by RW\S{54}$/),
      expect.stringMatching(new RegExp(`^  delta from (${first}|nothing): [0-9.]+ (kB|B)$`)),
      expect.stringMatching(new RegExp(`^  delta from (${first}|nothing): [0-9.]+ (kB|B)$`)),
      "earlier commits that are still there",
      `  ${first}`,
      expect.stringMatching(/^[0-9.]+ kB in all, [0-9.]+ kB of them objects$/),
    ]);
    const file = manifestPath(path, REF);
    writeFileSync(file, readFileSync(file, "utf8").replace("1.2.0", "1.3.0"));
    expect((await command("summary", path)).lines[2]).toBe("  NOT signed: no signature matches");
    expect((await command("summary", lab.folder())).stderr).toMatch(/has nothing published; give the folder/);
    expect((await command("help")).lines.join("\n")).toMatch(/summary FOLDER .*\n.*fsck/);
  });
});
