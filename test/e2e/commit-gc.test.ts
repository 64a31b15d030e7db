/** A store that removes old commits, never of what a server runs; what stays is whole. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hasCommit } from "../../provider/image/ostree/check.ts";
import { staticDelta } from "../../provider/image/ostree/delta.ts";
import type { Store } from "../../provider/image/store/store.ts";
import { sysrootTar } from "../../provider/image/sysroot/archive.ts";
import { collect } from "../../provider/image/upkeep/gc.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { keepForHost } from "../../provider/resources/hijack/plan/kept.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";

let lab: ImageLab;
let store: Store;
const made: string[] = [];
let system: Life;
let life: Life;
beforeAll(async () => {
  lab = await startImageLab();
  store = await lab.ownStore();
  const config = { ...lab.config(), store: store.dir };
  [system, life] = [new Life(rootfs, config), new Life(ostreeCommit, config)];
  for (const packages of [[], ["tree"], ["nano"]]) {
    await system.up({ packages });
    await life.up({ rootfs: system.state.digest! });
    made.push(String(life.state.checksum));
  }
});
afterAll(() => lab?.end());

const there = async () => (await Promise.all(made.map((c) => hasCommit(store, c)))).map(Number).join("");
/** As if everything had been made long ago. */
const late = () => collect({ ...lab, store }, { grace: 0 });

it("without a rule everything is kept", async () => {
  expect(life.state.history).toMatchObject([made[2], made[1], made[0]].map((checksum) => ({ checksum })));
  await late();
  expect(await there()).toBe("111");
});

it("what is retained stays, and what a server runs; the rest goes, with what was made of it", async () => {
  await keepForHost(store, { installationId: "1", booted: { checksum: made[0]! } as never, fallback: "Debian 12" });
  for (const checksum of made) await sysrootTar({ ...lab, store }, checksum);
  await staticDelta({ ...lab, store }, made[0], made[1]!);
  await staticDelta({ ...lab, store }, made[0], made[2]!);
  await life.up({ rootfs: system.state.digest!, retain: { commits: 1 } });
  // too young: another `up` could be at it
  expect(await there()).toBe("111");
  const gone = await late();
  expect(gone.commits).toContain(made[1]);
  expect(gone.freed).toBeGreaterThan(10_000_000);
  expect(await there()).toBe("101");
  expect(made.map((c) => existsSync(store.sysroot(c)))).toEqual([true, false, true]);
  expect(existsSync(store.delta(made[0], made[1]!))).toBe(false);
  expect(existsSync(store.delta(made[0], made[2]!))).toBe(true);
  expect(life.state.history).toHaveLength(1);
  const binds = [{ source: store.repo, target: "/run/repo" }];
  const fsck = await lab.toolbox.run(["ostree", "fsck", "--repo=/run/repo"], { binds });
  expect(fsck.stdout).toMatch(
    /fsck of \d+ objects? successfully completed|object fsck of \d+ commits completed successfully/i,
  );
});

it("what is gone is made again", async () => {
  await system.up({ packages: ["tree"] });
  await life.up({ rootfs: system.state.digest!, retain: { commits: 1 } });
  expect(life.state.checksum).toBe(made[1]);
  expect(await there()).toBe("111");
});

it("a rule that says nothing is refused", async () => {
  const failures = await life.failures({ ...life.inputs, retain: {} });
  expect(failures).toMatchObject([
    { property: "retain", reason: expect.stringMatching(/expected commits, days or both/) },
  ]);
  const wrong = await life.failures({ ...life.inputs, retain: { commits: 0 } });
  expect(wrong).toMatchObject([{ property: "retain.commits" }]);
});
