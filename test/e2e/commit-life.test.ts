/** An OstreeCommit as the engine leads it. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { planInstall } from "../../provider/host/ways/plan.ts";
import { hasCommit } from "../../provider/image/ostree/check.ts";
import { readCommit, readRef } from "../../provider/image/ostree/commits.ts";
import type { RootfsRecord } from "../../provider/image/tree/record.ts";
import { Unknown } from "../../provider/properties/values.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { findArtifacts } from "../../provider/resources/hijack/plan/artifacts.ts";
import { facts, inputs as planInputs } from "../unit/host/plan/tools.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life, testCall } from "./life.ts";

let lab: ImageLab;
let base: RootfsRecord;
let more: RootfsRecord;
beforeAll(async () => {
  lab = await startImageLab();
  base = await lab.rootfs();
  more = await lab.rootfs(["tree"]);
});
afterAll(() => lab?.end());

test("the life of an OstreeCommit", async () => {
  const store = await lab.copiedStore();
  rmSync(store.path("commits"), { recursive: true, force: true });
  const life = new Life(ostreeCommit, lab.config(store));
  const promised = await life.preview({ rootfs: base.digest });
  const first = await life.up({ rootfs: base.digest });
  expect(first).toEqual({ ...promised, parent: undefined, history: [expect.objectContaining({ version: "0.1.0" })] });
  expect(first).toMatchObject({ checksum: base.checksum, version: "0.1.0", branch: "pine/x86_64/stable" });
  expect(await readRef(store, "pine/x86_64/stable")).toBe(base.checksum);
  expect((await store.roots())[life.id]).toEqual([`commit/${base.checksum}`]);

  expect(await life.preview({ rootfs: more.digest })).toMatchObject({ checksum: more.checksum, parent: base.checksum });
  const second = await life.up({ rootfs: more.digest });
  expect(second).toMatchObject({ checksum: more.checksum, version: "0.1.1", parent: base.checksum });
  expect((await life.preview({ rootfs: more.digest, version: "2.0.0" })).checksum).toBe(Unknown.value);
  const third = await life.up({ rootfs: more.digest, version: "2.0.0" });
  expect(third).toMatchObject({ version: "2.0.0", parent: more.checksum });
  expect(await readCommit(store, third.checksum)).toMatchObject({ version: "2.0.0", rootfs: more.digest });
  expect(await life.diff({ rootfs: more.digest, version: "2.0.0" })).toEqual({ detailed: {}, changes: false });

  // another machine: nothing but the Rootfs is there, and the same commit is made again
  const elsewhere = await lab.copiedStore();
  rmSync(elsewhere.path("commits"), { recursive: true, force: true });
  life.config = lab.config(elsewhere);
  expect(await life.diff({ rootfs: more.digest, version: "2.0.0" })).toEqual({ detailed: {}, changes: true });
  expect((await life.preview({ rootfs: more.digest, version: "2.0.0" })).checksum).toBe(third.checksum);
  expect(await life.up({ rootfs: more.digest, version: "2.0.0" })).toEqual({ ...third, repo: elsewhere.repo });

  const { id } = life;
  await life.destroy();
  expect((await elsewhere.roots())[id]).toBeUndefined();
  expect(await hasCommit(elsewhere, third.checksum)).toBe(true);
});

test("a server with a card that the commit's kernel does not drive is refused", async () => {
  const store = await lab.copiedStore();
  const life = new Life(ostreeCommit, lab.config(store));
  const { checksum } = await life.up({ rootfs: base.digest });
  const artifacts = (await findArtifacts(String(checksum), testCall(lab.config(store))))!;
  const refusals = async (module: string, modalias: string) => {
    const on = facts((f) => {
      f.devices = [{ use: "card", name: "eth0", module, modalias }];
    });
    return planInstall(on, planInputs, await artifacts.imageFacts("gzip", on)).refusals.map((r) => r.code);
  };
  expect(await refusals("virtio_net", "virtio:d00000001v00001AF4")).toEqual([]);
  expect(await refusals("mine", "pci:v0000FFFFd0000FFFFsv0000FFFFsd0000FFFFbc02sc00i00")).toEqual(["card-driver"]);
}, 300_000);

test("a commit of the store is imported by its checksum, and stays when who made it is gone", async () => {
  const store = await lab.copiedStore();
  const [maker, taker] = [new Life(ostreeCommit, lab.config(store)), new Life(ostreeCommit, lab.config(store))];
  const made = await maker.up({ rootfs: more.digest, version: "3.0.0" });
  const checksum = String(made.checksum);
  await expect(importInto(taker, "some-id")).rejects.toThrow(/"some-id" cannot be imported; create it.*import id/);
  await expect(importInto(taker, "ab".repeat(32))).rejects.toThrow(
    /abababababab cannot be imported: the store .* does not/,
  );
  await importInto(taker, checksum);
  expect(taker.state).toMatchObject({
    checksum,
    version: "3.0.0",
    branch: made.branch,
    rootfs: more.digest,
    size: made.size,
  });
  await maker.destroy();
  expect((await store.roots())[taker.id]).toEqual([`commit/${checksum}`]);

  // the program that made it has no change
  expect(await taker.diff({ rootfs: more.digest, version: "3.0.0" })).toEqual({ detailed: {}, changes: false });
  const next = await taker.up({ rootfs: base.digest });
  expect(next).toMatchObject({ checksum: base.checksum, parent: checksum, version: "3.0.1" });
  // a version that is not part of the commit is none of the inputs
  const other = new Life(ostreeCommit, lab.config(store));
  await importInto(other, base.checksum);
  expect(other.inputs).toEqual({ rootfs: base.digest });
  expect(await other.diff({ rootfs: base.digest })).toEqual({ detailed: {}, changes: false });
});

/** As `pulumi import` does it. */
async function importInto(life: Life, id: string): Promise<void> {
  Object.assign(life, await life.resource.read(testCall(life.config), { id, state: {}, inputs: {} }));
}
