/**
 * What a server makes of a commit's manifest: trust.sh in a real image, by its busybox and its signify. The server's
 * disk is a folder.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { trustOf } from "../../provider/host/facts/pine.ts";
import { trustScript } from "../../provider/host/scripts.ts";
import { removeTree, runIn } from "../../provider/image/namespace/run-in.ts";
import { readCommit } from "../../provider/image/ostree/commits.ts";
import { Secret } from "../../provider/properties/values.ts";
import { ostreeCommit } from "../../provider/resources/commit/commit.ts";
import { manifestFile, manifestProblem, type SignedManifest } from "../../provider/trust/manifest.ts";
import { publicKeyOf } from "../../provider/trust/signify.ts";
import { checksum, keyOf, keyText, of } from "../unit/trust/a-manifest.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";
import { Life } from "./life.ts";

const [a, b] = [keyOf(1), keyOf(2)];

let lab: ImageLab;
let life: Life;
let tree: string;
let disk: string;
let script: string;
beforeAll(async () => {
  lab = await startImageLab();
  const rootfs = await lab.rootfs();
  life = new Life(ostreeCommit, lab.config());
  await life.up({ rootfs: rootfs.digest, signingKey: new Secret(keyText(1)) });
  const dir = lab.folder();
  const argv = ["ostree", "checkout", "--repo=/run/repo", rootfs.checksum, "/run/work/tree"];
  await lab.toolbox.run(argv, {
    binds: [
      { source: lab.store.repo, target: "/run/repo" },
      { source: dir, target: "/run/work" },
    ],
  });
  tree = join(dir, "tree");
  disk = join(dir, "trust");
  script = join(dir, "trust.sh");
  writeFileSync(script, trustScript());
});
afterAll(async () => {
  if (tree) await removeTree(tree);
  await lab?.end();
});
beforeEach(() => {
  rmSync(disk, { recursive: true, force: true });
  mkdirSync(disk);
});

async function trust(args: string[], signed?: SignedManifest): Promise<string> {
  const r = await runIn(tree, ["/bin/sh", "/run/trust.sh", ...args], {
    input: manifestFile(signed),
    binds: [
      { source: script, target: "/run/trust.sh", readOnly: true },
      { source: disk, target: "/var/lib/pine" },
    ],
    ok: [0, 1],
  });
  return `${r.exitCode} ${r.stderr}`.trim();
}
const check = (signed?: SignedManifest) => trust(["check", checksum], signed);

describe("a commit's manifest", () => {
  it("is signed with the key of the resource, whose public key is an output; the key itself is nowhere in the store", async () => {
    const { checksum: made, publicKey, version } = life.state as Record<string, string>;
    expect(publicKey).toBe(publicKeyOf(a));
    const { signed } = (await readCommit(lab.store, made!))!;
    expect(manifestProblem({ keys: [publicKey!], version }, made!, signed)).toBeUndefined();
    expect(await readFile(lab.store.commit(made!), "utf8")).not.toContain(keyText(1));
  });

  it("is signed again when the keys change, and the commit stays", async () => {
    const before = { ...life.state };
    const rootfs = life.inputs.rootfs!;
    await life.up({ rootfs, signingKey: new Secret(keyText(2)), oldSigningKey: new Secret(keyText(1)) });
    expect(life.state).toEqual({ ...before, publicKey: publicKeyOf(b) });
    const { signed } = (await readCommit(lab.store, String(life.state.checksum)))!;
    for (const key of [a, b])
      expect(manifestProblem({ keys: [publicKeyOf(key)] }, String(before.checksum), signed)).toBeUndefined();
  });

  it("wants a key that is one, and says it without showing it", async () => {
    const rootfs = life.inputs.rootfs!;
    const failures = await life.failures({ rootfs, signingKey: new Secret("canary") });
    expect(failures).toHaveLength(1);
    expect(failures[0]!.reason).toMatch(/^signingKey: is neither PEM nor the base64 of 32 bytes; expected an Ed25519/);
    expect(JSON.stringify(failures)).not.toContain("canary");
    const alone = await life.failures({ rootfs, oldSigningKey: new Secret(keyText(1)) });
    expect(alone[0]!.reason).toMatch(/^oldSigningKey: counts beside signingKey, which is not given/);
  });
});

describe("a server", () => {
  it("without keys takes anything, and learns them with what it keeps", async () => {
    expect(await check()).toBe("0");
    expect(await check(of([a]))).toBe("0");
    expect(await trust(["keep"])).toBe("0");
    expect(await check()).toBe("0");
    expect(await trust(["keep"], of([a]))).toBe("0");
    const lines = (await readFile(join(disk, "trust/manifest"), "utf8")).split("\n");
    expect(trustOf(lines)).toMatchObject({ keys: [publicKeyOf(a)], version: "1.2.0" });
  });

  it.each<[string, SignedManifest | undefined, RegExp]>([
    ["the same again", of([a]), /^0$/],
    ["a newer one", of([a], { version: "1.10.0" }), /^0$/],
    ["one signed by a new key and the old one", of([b, a]), /^0$/],
    ["nothing signed", undefined, /^1 pine: the commit is not signed, and this server takes signed ones only$/],
    ["one without its signature", { ...of([a]), signatures: [] }, /not signed/],
    ["one signed by a new key alone", of([b]), /^1 pine: the commit is not signed by a key that this server trusts$/],
    ["one changed afterwards", { ...of([a]), text: of([a], { version: "9.0.0" }).text }, /not signed by a key/],
    ["one cut off", { ...of([a]), text: of([a]).text.replace(/^key=.*\n/m, "") }, /not signed by a key/],
    ["another commit's", of([a], { checksum: "d".repeat(64) }), /^1 pine: the manifest was signed for another commit$/],
    [
      "an older one",
      of([a], { version: "1.1.9" }),
      /^1 pine: version 1\.1\.9 is older than 1\.2\.0, which this server/,
    ],
    ["one before it", of([a], { version: "1.2.0-rc.1" }), /is older/],
    ["a large number that is older", of([a], { version: "0.100.100" }), /is older/],
    ["build metadata", of([a], { version: "1.2.0+2" }), /^0$/],
  ])("that has had 1.2.0 by a is shown %s", async (_, signed, said) => {
    await trust(["keep"], of([a]));
    expect(await check(signed)).toMatch(said);
  });

  it.each([
    ["1.0.0-alpha", "1.0.0-alpha.1"],
    ["1.0.0-alpha.1", "1.0.0-alpha.beta"],
    ["1.0.0-beta.2", "1.0.0-beta.11"],
    ["1.0.0-beta.11", "1.0.0-rc.1"],
    ["1.0.0-rc.1", "1.0.0"],
    ["1.9.9", "1.10.0"],
  ])("knows that %s comes before %s, as semver says it", async (older, newer) => {
    await trust(["keep"], of([a], { version: newer }));
    expect(await check(of([a], { version: older }))).toMatch(/is older/);
    await trust(["keep"], of([a], { version: older }));
    expect(await check(of([a], { version: newer }))).toBe("0");
  });

  it("goes over to another key by one that both signed, and may be told to forget", async () => {
    await trust(["keep"], of([a]));
    await trust(["keep"], of([b, a]));
    expect(await check(of([b]))).toBe("0");
    await trust(["keep"], of([b]));
    expect(await check(of([a]))).toMatch(/not signed by a key/);
    expect(await trust(["forget"])).toBe("0");
    expect(await check()).toBe("0");
  });
});
