/**
 * What a power cut may leave of a file (harms.ts): for each kind of file of the store, and of what preview showed, its
 * reader sees it.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { removeDamagedRefs } from "../../../../provider/image/ostree/check.ts";
import { readCommit } from "../../../../provider/image/ostree/commits.ts";
import { writeSboms } from "../../../../provider/image/sbom/write.ts";
import { artifact, intact, readArtifact } from "../../../../provider/image/store/artifact.ts";
import { Store } from "../../../../provider/image/store/store.ts";
import { foundRootfs } from "../../../../provider/image/tree/record.ts";
import { assertPlanUnchanged, recordShownPlan } from "../../../../provider/resources/hijack/plan/shown.ts";
import { quietTask } from "../../../../provider/task.ts";
import { facts, image, inputs } from "../../host/plan/tools.ts";
import { aSbom } from "../sbom/a-sbom.ts";
import { filesOf, harms } from "./harms.ts";

const task = quietTask();
let dir = "";
let store: Store;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pine-stored-"));
  store = await Store.open(join(dir, "store"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const [checksum, digest] = ["c".repeat(64), "d".repeat(64)] as [string, string];
const commitFile = () => store.path("repo/objects", checksum.slice(0, 2), `${checksum.slice(2)}.commit`);
const putCommit = () => {
  mkdirSync(dirname(commitFile()), { recursive: true });
  writeFileSync(commitFile(), "a commit");
};
let made = 0;
const getArtifact = (path: string) =>
  artifact(store, path, "1", task, async (work) => {
    made++;
    writeFileSync(join(work, "x"), "content");
    return { file: join(work, "x"), facts: {} };
  });

describe.each(harms)("%s instead of its bytes", (_, harm) => {
  it("rootfs/*.json and sboms: made again", async () => {
    putCommit();
    const make = async () => {
      await writeSboms(store, aSbom({ digest, checksum }));
      await store.writeJson(store.rootfs(digest), { digest, checksum });
    };
    await make();
    expect(await foundRootfs(store, digest, task)).toMatchObject({ checksum });
    for (const path of filesOf(store.dir, /(rootfs|sboms)\/.*json$/)) {
      writeFileSync(path, harm(readFileSync(path)));
      expect([path, await foundRootfs(store, digest, task)]).toEqual([path, undefined]);
      await make();
    }
  });

  it("branches: gone, so that OSTree moves and prunes again; others stay", async () => {
    const branch = (name: string) => store.path("repo/refs/heads", name);
    mkdirSync(branch("part"), { recursive: true });
    for (const name of ["part/a", "b"]) writeFileSync(branch(name), `${checksum}\n`);
    writeFileSync(branch("part/a"), harm(readFileSync(branch("part/a"))));
    await removeDamagedRefs(store.repo);
    expect(filesOf(store.repo, /heads/)).toEqual([branch("b")]);
  });

  it("commits/*.json: made again", async () => {
    putCommit();
    await store.writeJson(store.commit(checksum), { checksum, arch: "x86_64" });
    expect(await readCommit(store, checksum)).toMatchObject({ checksum });
    writeFileSync(store.commit(checksum), harm(readFileSync(store.commit(checksum))));
    expect(await readCommit(store, checksum)).toBeUndefined();
  });

  it("roots/*.json: nothing is removed, and one error says so", async () => {
    await store.addRoot("rootfs-1", [`rootfs/${digest}`]);
    const path = store.path("roots/rootfs-1.json");
    writeFileSync(path, harm(readFileSync(path)));
    await expect(store.roots()).rejects.toThrow(/roots\/rootfs-1\.json of the store is damaged.*nothing is removed/);
    await store.addRoot("rootfs-1", []);
    expect(await store.roots()).toEqual({ "rootfs-1": [] });
  });

  it.each<[string, () => string]>([
    ["sysroots", () => store.sysroot(checksum)],
    ["deltas", () => store.delta(checksum, digest)],
    ["images", () => store.image("x", "qcow2")],
  ])("%s: made again, or refused before it goes anywhere", async (_, pathOf) => {
    const path = pathOf();
    const facts = await getArtifact(path);
    await intact(path, facts, "file");
    const json = filesOf(store.dir, /(sysroots|deltas|images)\/.*json$/)[0]!;
    writeFileSync(json, harm(readFileSync(json)));
    expect(await readArtifact(store, path, "1")).toBeUndefined();
    await getArtifact(path);
    const size = statSync(path).size;
    writeFileSync(path, harm(readFileSync(path)));
    if (statSync(path).size !== size) expect(await readArtifact(store, path, "1")).toBeUndefined();
    await expect(intact(path, facts, "file")).rejects.toThrow(
      /the file in the store is damaged.*run `pulumi up` again/,
    );
    made = 0;
    await getArtifact(path);
    expect([made, readFileSync(path, "utf8")]).toEqual([1, "content"]);
  });

  it("shown/*.json: one error, nothing is changed", async () => {
    const call = { config: { cache: join(dir, "cache") }, urn: "urn:pulumi:a::b::pine:index:HostHijack::web" } as never;
    const { plan } = planInstall(facts(), inputs, image);
    await recordShownPlan(call, plan!);
    await assertPlanUnchanged(call, plan!);
    const [path] = filesOf(join(dir, "cache/shown"), /json$/);
    writeFileSync(path!, harm(readFileSync(path!)));
    await expect(assertPlanUnchanged(call, plan!)).rejects.toThrow(
      /preview showed cannot be read: .*is damaged; nothing was changed/,
    );
  });
});
