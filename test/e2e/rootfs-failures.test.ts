/** What goes wrong while a Rootfs is made: one clear error, nothing left, and the next attempt carries on. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Asset, type Props, Secret } from "../../provider/properties/values.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { freshKey, KEY_NAME } from "../lab/mirror/cache.ts";
import { serveMirror } from "../lab/mirror/server.ts";
import { variantMirror } from "../lab/mirror/variant.ts";
import { type Bench, gone, Life, processesWith, startBench } from "./life.ts";

const stranger = freshKey("stranger.rsa.pub");
const liar = freshKey(KEY_NAME);
const file = { path: "usr/bin/x", content: "#!/bin/sh\n", mode: 0o755 };
const added = { version: "1.0-r0", description: "x", files: [file] };

let bench: Bench;
beforeAll(async () => {
  bench = await startBench("failures", {
    add: [
      { ...added, name: "by-stranger", signer: stranger },
      { ...added, name: "by-liar", signer: liar },
      { ...added, name: "failing", scripts: { "post-install": "#!/bin/sh\necho no luck >&2\nexit 1\n" } },
    ],
  });
});
afterAll(() => bench?.end());
beforeEach(() => {
  bench.fault.of = undefined;
});

const life = () => new Life(rootfs, bench.config);
const error = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => {
      throw new Error("it should have failed");
    },
    (e: Error) => e.message,
  );
/** Nothing of a build is left: temporary folders, locks, mounts, processes. */
function expectClean(): void {
  const empty = (path: string) => expect(existsSync(path) ? readdirSync(path) : [], path).toEqual([]);
  empty(join(bench.config.store, "tmp"));
  empty(join(bench.config.cache, "tmp"));
  empty(join(bench.config.cache, "bases", "tmp"));
  expect(existsSync(join(bench.config.store, "lock"))).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(bench.work);
}

describe("the preview tells", () => {
  it("packages that are not there, with what is close", async () => {
    expect(await error(life().preview({ packages: ["nanno", "tree"] }))).toBe(
      'packages: no package "nanno" in main, community; did you mean nano?',
    );
    expect(await error(life().preview({ packages: ["nano>99"] }))).toMatch(
      /^packages: nano>99 cannot be installed.*nano-7\.2-r1: breaks: world\[nano>99\]/,
    );
    expect(await error(life().preview({ packages: ["nano@edge"] }))).toMatch(/no repository has the tag @edge/);
  });
  it("a kernel that is not there", async () =>
    expect(await error(life().preview({ packages: [], kernel: "lts" }))).toMatch(
      /^kernel: there is no package linux-lts.*expected virt/,
    ));

  it("a mirror that is away, by address", async () => {
    const closed = await serveMirror(bench.tree);
    await closed.close();
    const away = new Life(rootfs, bench.with({ mirror: closed.url, cache: join(bench.work, "empty") }));
    const said = await error(away.preview({ packages: [] }));
    expect(said.startsWith(`${closed.url}/v3.23/`)).toBe(true);
    expect(said).toMatch(/APKINDEX\.tar\.gz: could not be fetched \(ECONNREFUSED\); check whether .* another mirror/);
    expect(away.said.steps.filter((s) => s.includes("trying again")).length).toBeGreaterThan(0);
  });
  it("a release that is not there", async () =>
    expect(await error(life().preview({ packages: [], release: "v1.0" }))).toMatch(
      /v1\.0\/.*answers 404.*release, repository and architecture/,
    ));

  it.each([
    [
      "a key nobody trusts",
      stranger,
      /main\/x86_64\/APKINDEX\.tar\.gz: it is signed with key stranger\.rsa\.pub, which is not among the trusted ones \(pine-lab\.rsa\.pub\).*pine:repositoryKeys/,
    ],
    [
      "another key under a trusted name",
      liar,
      /APKINDEX\.tar\.gz: the signature by key pine-lab\.rsa\.pub does not match its content/,
    ],
  ])("an index signed with %s", async (what, signer, message) => {
    const folder = join(bench.work, `index-${what.length}`);
    await variantMirror(bench.tree, folder, { indexSigner: signer });
    bench.fault.of = (path) => ({ body: readFileSync(join(folder, "alpine", path)) });
    expect(await error(life().preview({ packages: [] }))).toMatch(message);
  });
  it("and has written nothing but the package cache", () => expect(existsSync(bench.config.store)).toBe(false));
});

describe("the check tells", () => {
  const failures = async (inputs: Props) =>
    (await life().failures({ packages: [], ...inputs })).map((f) => `${f.property}: ${f.reason}`).join("\n");
  it.each([
    [{ packages: ["--root=/"] }, /^packages\[0\]: expected an Alpine package name/],
    [{ services: { defualt: ["x"] } }, /a runlevel: sysinit, boot, default/],
    [{ files: { "/var/x": { content: "x" } } }, /no file can be put below \/var.*HostHijack/],
    [
      { files: { "/etc/x": { source: new Asset({ path: "/nonesuch/file" }) } } },
      /^files\["\/etc\/x"\]\.source: there is no file \/nonesuch\/file/,
    ],
    [{ files: { "/etc/x": { source: new Asset({ uri: "https://x.example/" }) } } }, /FileAsset or StringAsset/],
    [{ users: [{ name: "root", authorizedKeys: [] }] }, /^users\[0\]\.name: root is there already/],
    [{ users: [1, 2].map(() => ({ name: "ann", authorizedKeys: [] })) }, /user ann is there twice/],
    [{ authorizedKeys: ["-----BEGIN"] }, /expected a public key/],
    [{ target: "container", kernel: "virt" }, /^kernel: expected "none"/],
    [{ mirror: "ftp://x" }, /http or https/],
  ] as [Props, RegExp][])("%j", async (inputs, message) => expect(await failures(inputs)).toMatch(message));

  it("secrets, without their value, and where they belong", async () => {
    const said = await failures({ files: { "/etc/key": { content: new Secret("hunter2") } } });
    expect(said).toMatch(/^: files: holds something secret.*HostHijack's files/);
    expect(said).not.toContain("hunter2");
  });
});

describe("a build that fails leaves nothing, and the next one works", () => {
  it.each([
    ["by-stranger", /by-stranger-1\.0-r0\.apk: it is signed with key stranger\.rsa\.pub/],
    ["by-liar", /by-liar-1\.0-r0\.apk: the signature by key pine-lab\.rsa\.pub does not match/],
    [
      "failing",
      /^apk could not install the packages:\n(.*\n)*.*(no luck|failing-1\.0-r0\.post-install: script exited with error 1)/,
    ],
  ])("package %s", async (name, message) => {
    expect(await error(life().up({ packages: [name] }))).toMatch(message);
    const kept = readdirSync(join(bench.config.cache, "packages/x86_64"));
    if (name.startsWith("by-")) expect(kept.filter((n) => n.startsWith("by-"))).toEqual([]);
    expectClean();
  });

  it.each([
    [
      "services",
      { services: { default: ["lighttp"] } },
      /services\.default: the image has no service lighttp.*known services are/,
    ],
    [
      "timezone",
      { timezone: "Europe/Berln" },
      /timezone: there is no zone Europe\/Berln; did you mean .*Europe\/Berlin/,
    ],
    [
      "owner",
      { files: { "/etc/x": { content: "", owner: "ann:ann" } } },
      /files\["\/etc\/x"\]\.owner: the image has no user ann/,
    ],
    [
      "a folder",
      { files: { "/etc/init.d": { content: "" } } },
      /files\["\/etc\/init\.d"\].*is a folder of the packages/,
    ],
    [
      "a path in a file",
      { files: { "/etc/fstab/x": { content: "" } } },
      /files\["\/etc\/fstab\/x"\].*\/etc\/fstab is not a folder/,
    ],
  ] as [string, Props, RegExp][])("wrong %s", async (_, inputs, message) => {
    expect(await error(life().up({ packages: [], ...inputs }))).toMatch(message);
    expectClean();
  });

  it("a byte that was flipped on the way, or in the cache", async () => {
    const flip = (bytes: Buffer) => {
      const out = Buffer.from(bytes);
      out[out.length - 100]! ^= 1;
      return out;
    };
    bench.fault.of = (path) => (path.includes("/nano-") ? { change: flip } : undefined);
    expect(await error(life().up({ packages: ["nano"] }))).toMatch(
      /nano-7\.2-r1\.apk: the data does not match the datahash/,
    );
    expectClean();
    // on its way again, cut once: fetched again by itself
    let cuts = 0;
    bench.fault.of = (path) => (path.includes("/nano-") && cuts++ === 0 ? { truncateAt: 1000 } : undefined);
    const nano = life();
    await nano.up({ packages: ["nano"] });
    expect(cuts).toBe(2);
    // damaged in the cache: dropped and fetched again, where the packages are installed again
    rmSync(join(bench.config.cache, "bases"), { recursive: true });
    const folder = join(bench.config.cache, "packages/x86_64");
    const path = join(folder, readdirSync(folder).find((n) => n.startsWith("nano-"))!);
    const good = readFileSync(path);
    writeFileSync(path, flip(good));
    const again = new Life(rootfs, bench.with({ store: join(bench.work, "again") }));
    expect((await again.up({ packages: ["nano"] })).checksum).toBe(nano.state.checksum);
    expect(readFileSync(path).equals(good)).toBe(true);
  });

  it("a cancel, wherever it comes", async () => {
    const wanted = { packages: ["tree"], hostname: "cancelled" };
    for (const at of [
      /^fetching packages/,
      /^installing package/,
      /^making the initramfs/,
      /^committing the packages/,
      /^configuring/,
      /^committing to/,
    ]) {
      const cancel = new AbortController();
      const one = life();
      let hit = false;
      const onStep = (step: string) => {
        if (!at.test(step)) return;
        hit = true;
        setTimeout(() => cancel.abort(), 30);
      };
      // one package is fetched anew each time, slowly enough to be seen, until all are installed
      bench.fault.of = (path) => (path.includes("/tree-") ? { delayMs: 300 } : undefined);
      const folder = join(bench.config.cache, "packages/x86_64");
      for (const n of existsSync(folder) ? readdirSync(folder).filter((x) => x.startsWith("tree-")) : [])
        rmSync(join(folder, n));
      const begun = performance.now();
      const e = await one.up(wanted, { signal: cancel.signal, onStep }).then(
        () => undefined,
        (x) => x,
      );
      process.stderr.write(`  cancelled at ${at} after ${Math.round(performance.now() - begun)} ms\n`);
      expect(hit, String(at)).toBe(true);
      expect(e?.name, String(at)).toBe("AbortError");
      await gone(bench.work);
      expectClean();
    }
    bench.fault.of = undefined;
    const made = await life().up(wanted);
    expect(made.checksum).toMatch(/^[0-9a-f]{64}$/);
    expect(await processesWith(bench.work)).toEqual([]);
  });
});
