/**
 * A Rootfs over time: previews that hold, a lock that stands, upgrades when asked for, stores and mirrors that go away.
 */
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LockedPackage } from "../../provider/image/packages/mirror.ts";
import { Store } from "../../provider/image/store/store.ts";
import { Archive, Asset, Unknown } from "../../provider/properties/values.ts";
import { resolvePackages } from "../../provider/resources/rootfs/resolve-packages.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { type Bench, Life, startBench, testCall } from "./life.ts";

const tools = { version: "1.0-r0", description: "x", files: [{ path: "usr/bin/tools", content: "", mode: 0o755 }] };
let bench: Bench;
let life: Life;
beforeAll(async () => {
  bench = await startBench("life", { add: [{ ...tools, name: "tools" }] });
  life = new Life(rootfs, bench.config);
});
afterAll(() => bench?.end());

const version = (name: string) => (life.state.lockedPackages as LockedPackage[]).find((p) => p.name === name)?.version;
const page = () => join(bench.work, "page.html");
const inputs = (more: object = {}) => ({ packages: ["tree"], ...more });

// the tests of this file are a story, each begins where the last one ended
describe("a Rootfs", () => {
  it("is known in preview: digest, lock, one line for a person", async () => {
    const promised = await life.preview(inputs());
    expect(life.said.infos).toEqual([expect.stringMatching(/^\d+ packages, linux-virt 6\.18\.56, \d+ MB$/)]);
    const begun = performance.now();
    await life.preview(inputs());
    process.stderr.write(`  a warm preview takes ${Math.round(performance.now() - begun)} ms\n`);
    await life.up(inputs());
    for (const name of ["digest", "lockedPackages", "packageCount", "kernelRelease", "builtBy"])
      expect(life.state[name], name).toEqual(promised[name]);
    expect(promised.checksum).toBe(Unknown.value);
    expect(life.id).toMatch(/^rootfs-[0-9a-f]{16}$/);
    // what is built is known as a whole
    expect(await new Life(rootfs, bench.config).preview(inputs())).toEqual(life.state);
  });

  it("is previewed as far as it is known", async () => {
    const known = await new Life(rootfs, bench.config).preview(inputs({ authorizedKeys: [Unknown.value] }));
    expect(known.digest).toBe(Unknown.value);
    expect(known.lockedPackages).toEqual(life.state.lockedPackages);
    const one = new Life(rootfs, bench.config);
    expect(await one.preview({ packages: [Unknown.value] })).toEqual({});
    expect(one.said.infos).toEqual([]);
  });

  it("does not change when nothing changed", async () => {
    expect(await life.diff(inputs())).toEqual({ detailed: {}, changes: false });
    expect(await life.diff(inputs({ packages: ["tree"], users: [], sysctl: {} }))).toEqual({
      detailed: {},
      changes: false,
    });
  });

  it("says what differs, element by element", async () => {
    expect((await life.diff(inputs({ packages: ["tree", "nano"] }))).detailed).toEqual({ "packages[1]": "add" });
    expect((await life.diff(inputs({ hostname: "web" }))).detailed).toEqual({ hostname: "update" });
    expect((await life.diff(inputs({ files: { "/etc/motd": { content: "x" } } }))).detailed).toEqual({ files: "add" });
  });

  it("does not follow upstream by itself", async () => {
    await bench.become({ release: [{ name: "tree" }, { name: "nano" }] });
    expect((await life.diff(inputs())).changes).toBe(false);
    const before = { tree: version("tree"), lock: life.state.lockedPackages };
    await life.preview(inputs({ hostname: "web" }));
    expect(life.said.infos).toEqual([]);
    await life.up(inputs({ hostname: "web" }));
    expect(life.state.lockedPackages).toEqual(before.lock);
  });

  it("keeps its lock where a repository is only written in another way", async () => {
    const before = life.state.lockedPackages as LockedPackage[];
    const names = ["main", `${bench.config.mirror}/v3.23/community/`];
    const other = await life.preview(inputs({ hostname: "web", repositories: names }));
    expect(life.said.warnings).toEqual([]);
    const same = (p: LockedPackage) => ({ ...p, repository: p.repository === "main" ? "main" : names[1] });
    expect(other.lockedPackages).toEqual(before.map(same));
    await life.preview(inputs({ hostname: "web", repositories: ["v3.23/main", "community"] }));
    expect(life.said.infos).toEqual([]);
  });

  it("names modes in an archive as the cause of a change", async () => {
    const one = new Life(rootfs, bench.config);
    const folder = join(bench.work, "app");
    mkdirSync(folder);
    writeFileSync(join(folder, "run"), "#!/bin/sh\n");
    const files = { "/usr/share/app": { archive: new Archive({ path: folder }) } };
    await one.up(inputs({ files }));
    expect(await one.diff(inputs({ files }))).toEqual({ detailed: {}, changes: false });
    chmodSync(join(folder, "run"), 0o755);
    expect(await one.diff(inputs({ files }))).toEqual({ detailed: {}, changes: true });
    expect(one.said.infos).toEqual(['modes or links in files["/usr/share/app"].archive changed']);
    // the state of a provider with other trusted keys
    chmodSync(join(folder, "run"), 0o644);
    one.config = bench.with({ keys: { ...bench.config.keys, "other.rsa.pub": Object.values(bench.config.keys)[0]! } });
    expect((await one.diff(inputs({ files }))).changes).toBe(true);
    expect(one.said.infos).toEqual(["the trusted keys of the provider's configuration changed (pine:repositoryKeys)"]);
  });

  it("says at refresh what upstream has", async () => {
    const { digest } = life.state;
    await life.refresh();
    expect(life.state.available).toEqual([{ name: "tree", current: "2.1.0-r0", available: "2.1.0-r1" }]);
    expect(life.state.digest).toBe(digest);
    expect(await life.diff(inputs({ hostname: "web" }))).toEqual({ detailed: {}, changes: false });
  });

  it("gets one package more, and the locked ones stay, though the mirror dropped them", async () => {
    const wanted = inputs({ hostname: "web", packages: ["tree", "nano"] });
    await life.preview(wanted);
    const lines = life.said.infos;
    expect(lines[0]).toMatch(/^\d+ packages, linux-virt/);
    expect(lines[0]).toMatch(/ MB \(\+734 kB\)$/);
    expect(lines.slice(1).sort()).toEqual(["+ lab-libncursesw6 6.4-r0", "+ lab-libtinfo6 6.4-r0", "+ nano 7.2-r2"]);
    await life.up(wanted);
    expect([version("tree"), version("nano")]).toEqual(["2.1.0-r0", "7.2-r2"]);
  });

  it("moves only what has to, and says so, when something needs another version", async () => {
    await bench.become({
      release: [{ name: "tree" }, { name: "nano", version: "7.2-r3" }],
      add: [{ ...tools, name: "tools", version: "2.0-r0", depends: ["tree>2.1.0-r0"], replace: true }],
    });
    const wanted = inputs({ hostname: "web", packages: ["tree", "nano", "tools"] });
    await life.preview(wanted);
    expect(life.said.warnings).toEqual([expect.stringMatching(/^tree could not stay as locked/)]);
    expect(life.said.infos.slice(1)).toEqual(["+ tools 2.0-r0", "tree 2.1.0-r0 => 2.1.0-r1"]);
    await life.up(wanted);
    expect([version("tree"), version("nano")]).toEqual(["2.1.0-r1", "7.2-r2"]);
  });

  it("loses a package with what only that one needed", async () => {
    const wanted = inputs({ hostname: "web", packages: ["tree"] });
    await life.preview(wanted);
    expect(life.said.infos.slice(1).sort()).toEqual([
      "- lab-libncursesw6 6.4-r0",
      "- lab-libtinfo6 6.4-r0",
      "- nano 7.2-r2",
      "- tools 2.0-r0",
    ]);
    await life.up(wanted);
  });

  it("follows upstream when `upgradeTrigger` changes", async () => {
    await bench.become({ release: [{ name: "tree", version: "2.1.0-r5" }] });
    const wanted = inputs({ hostname: "web", upgradeTrigger: "2026-11-23" });
    expect((await life.diff(wanted)).detailed).toEqual({ upgradeTrigger: "add" });
    await life.preview(wanted);
    expect(life.said.infos.slice(1)).toEqual(["tree 2.1.0-r1 => 2.1.0-r5"]);
    await life.up(wanted);
    expect(version("tree")).toBe("2.1.0-r5");
  });

  it("takes files of this machine, by their content", async () => {
    writeFileSync(page(), "one");
    const wanted = (hash: string) =>
      inputs({
        hostname: "web",
        upgradeTrigger: "2026-11-23",
        files: { "/usr/share/page": { source: new Asset({ path: page() }, hash) } },
      });
    const before = life.state.digest;
    await life.up(wanted("1"));
    expect(life.state.digest).not.toBe(before);
    // the engine hashes assets, so a changed file is a difference
    writeFileSync(page(), "two");
    expect((await life.diff(wanted("2"))).detailed).toEqual({ 'files["/usr/share/page"].source': "update" });
    expect((await life.diff(wanted("1"))).changes).toBe(true);
    await life.up(wanted("2"));
    await life.up(inputs({ hostname: "web", upgradeTrigger: "2026-11-23" }));
    expect(life.state.digest).toBe(before);
  });

  it("is made again from the lock where the store lost it, with the mirror away", async () => {
    const { digest, checksum } = life.state;
    bench.fault.of = () => ({ status: 503 });
    rmSync(bench.config.store, { recursive: true });
    const wanted = inputs({ hostname: "web", upgradeTrigger: "2026-11-23" });
    expect(await life.diff(wanted)).toEqual({ detailed: {}, changes: true });
    expect(life.said.infos[0]).toMatch(/^not in the store .*: made again from the lock$/);
    await life.up(wanted);
    expect([life.state.digest, life.state.checksum]).toEqual([digest, checksum]);
    await life.refresh();
    expect(life.said.warnings).toEqual([
      expect.stringMatching(/^Pine could not look for newer packages: .*answers 503/),
    ]);
    expect(life.state.digest).toBe(digest);
    bench.fault.of = undefined;
  });

  it("says when another provider built it", async () => {
    const { builtBy } = life.state;
    life.state = { ...life.state, builtBy: "0-older" };
    expect(await life.diff(inputs({ hostname: "web", upgradeTrigger: "2026-11-23" }))).toEqual({
      detailed: {},
      changes: true,
    });
    expect(life.said.infos).toEqual([expect.stringMatching(/^builder changed/)]);
    life.state = { ...life.state, builtBy };
  });

  it("gone from the state is kept in the store, without its root", async () => {
    const store = await Store.open(bench.config.store);
    expect(Object.keys(await store.roots())).toEqual([life.id]);
    const { digest } = life.state;
    await life.destroy();
    expect(await store.roots()).toEqual({});
    expect(readdirSync(store.path("rootfs"))).toContain(`${digest}.json`);
  });
});

it("two of the same at once are built once; two different ones do not disturb each other", async () => {
  const config = bench.with({ store: join(bench.work, "parallel") });
  const three = ["x", "x", "y"].map((hostname) => ({
    life: new Life(rootfs, config),
    inputs: { packages: [], hostname },
  }));
  await Promise.all(three.map((t) => t.life.up(t.inputs)));
  const [a, b, c] = three.map((t) => t.life);
  expect(a!.state).toEqual(b!.state);
  expect(c!.state.checksum).not.toBe(a!.state.checksum);
  expect(a!.id).not.toBe(b!.id);
  expect([a, b].filter((l) => l!.said.steps.includes("configuring")).length).toBe(1);
  expect(Object.keys(await (await Store.open(config.store)).roots()).length).toBe(3);
});

it("resolvePackages answers what would be locked, or what is wrong", async () => {
  const { result } = await resolvePackages(testCall(bench.config), { packages: ["tree"] });
  const lock = result!.lockedPackages as LockedPackage[];
  expect(lock.map((p) => p.name)).toEqual(expect.arrayContaining(["tree", "lab-glibc"]));
  expect(lock[0]).toEqual({
    name: expect.any(String),
    version: expect.stringMatching(/-r\d+$/),
    checksum: expect.stringMatching(/^Q1/),
    size: expect.any(Number),
    installedSize: expect.any(Number),
    built: expect.any(Number),
    repository: "main",
  });
  const { failures } = await resolvePackages(testCall(bench.config), { packages: ["-x"] });
  expect(failures).toEqual([
    { property: "packages[0]", code: "packages.value", reason: expect.stringMatching(/^expected an Alpine package/) },
  ]);
});
