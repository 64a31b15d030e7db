/** How a server of months ago finds the newest commit: by the chain of keys, over barriers (libexec/pine/pull). */
import { readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestFile, signManifest, signText } from "../../../provider/trust/manifest.ts";
import { parseManifestFile } from "../../../provider/trust/publication.ts";
import { publicKeyOf } from "../../../provider/trust/signify.ts";
import { keyOf } from "../trust/a-manifest.ts";
import { Puller, REF } from "./a-puller.ts";

const MANIFEST = `pine/${REF}.manifest`;

describe("the way over keys and barriers", () => {
  let p: Puller;
  beforeAll(async () => {
    p = await Puller.make(["busybox", "sh"]);
  });
  afterAll(() => p?.end());
  const told = async (what: string) => (await p.run("pull", [what])).stdout;

  test("a server of months ago follows the chain of keys (58: FCOS#749, #1731)", async () => {
    await p.publish("2", "1.1.0");
    for (const keys of [[2, 1], [2], [3, 2], [3]]) {
      p.signers = { keys: keys.map(keyOf), spare: [] };
      await p.publish("2", "1.1.0");
    }
    expect(await told("check")).toMatch(/^decision=fetch$/m);
  });

  test("months later the objects between are gone, and it fetches the newest (58)", async () => {
    const newest = await p.publish("3", "1.9.0");
    rmSync(p.published("deltas"), { recursive: true, force: true });
    await p.s.ostree(["refs", `--repo=${p.repo}`, "--create=newest", newest]);
    await p.s.ostree(["prune", `--repo=${p.repo}`, "--refs-only"]);
    expect(await told("stage")).toMatch(new RegExp(`^commit=${newest}\n.*\ndecision=staged$`, "m"));
    expect(p.asked.some((path) => path.endsWith(".filez"))).toBe(true);
    await p.run("pull", ["drop", "the test"]);
    await p.publish("2", "1.9.1");
  });

  test("with a gap it is refused, and told which step", async () => {
    const chain = readFileSync(p.published(`pine/${REF}.keys`), "utf8");
    p.put(
      `pine/${REF}.keys`,
      chain
        .split("\n")
        .filter((line) => !line.startsWith("1 "))
        .join("\n"),
    );
    expect(await p.refused("pull", ["check"])).toMatch(/the chain of keys has a gap at step 2/);
    p.put(`pine/${REF}.keys`, chain);
  });

  test("a change that nobody of trust signed is not followed", async () => {
    const chain = readFileSync(p.published(`pine/${REF}.keys`), "utf8");
    const forged = chain.replace(/^1 \S+/m, `1 ${publicKeyOf(keyOf(9))}`);
    p.put(`pine/${REF}.keys`, forged);
    expect(await p.refused("pull", ["check"])).toMatch(/gap at step 1/);
    p.put(`pine/${REF}.keys`, chain);
  });

  test("what runs already is kept with its keys: the next one needs no chain", async () => {
    await p.publish("1", "1.1.0", { checksum: p.s.first });
    expect(await told("check")).toMatch(/^decision=current$/m);
    expect(p.text("trust/manifest")).toMatch(
      new RegExp(`^step=4\n(.*\n)*key=${publicKeyOf(keyOf(3)).replaceAll("+", "\\+")}\n$`, "m"),
    );
    expect(p.state("found")).toBe("current");
  });

  test("over a barrier first (68)", async () => {
    const step = await p.s.commit("step", { repo: p.repo });
    const newest = await p.publish("newest", "3.0.0", {
      statement: { barriers: [{ version: "2.0.0", checksum: step }] },
    });
    expect(await told("check")).toMatch(new RegExp(`^commit=${step}\nversion=2.0.0\n`));
    p.trust({ text: p.text("trust/manifest").replace(/^version=.*$/m, "version=2.0.0") });
    expect(await told("check")).toMatch(new RegExp(`^commit=${newest}\nversion=3.0.0\n`));
  });

  describe("a manifest of a later format, signed as ever (68: FCOS#1731)", () => {
    /** The newest publication as a later provider would sign it. */
    const later = (more: string) => {
      const { text } = parseManifestFile(readFileSync(p.published(MANIFEST), "utf8"))!;
      const changed = `${text.replace(/^pine=1$/m, "pine=2").replace(/^barrier=.*\n/m, "")}${more}`;
      p.put(MANIFEST, manifestFile(signText(changed, p.signers)));
    };
    const had = (version: string) =>
      p.trust({ text: p.text("trust/manifest").replace(/^version=.*$/m, `version=${version}`) });

    test("names a step: an older server takes that one, whole, and is told afterwards", async () => {
      const step = await p.s.commit("step-4", { repo: p.repo });
      await p.publish("after-4", "4.1.0");
      later(`unheard-of=1\nbarrier=4.0.0 ${step}\n`);
      expect(await told("stage")).toMatch(new RegExp(`^commit=${step}\nversion=4.0.0\ndecision=staged$`, "m"));
      had("4.0.0");
      expect(await p.refused("pull", ["stage"])).toMatch(
        /of format 2, which this server does not know, and it names no step/,
      );
      expect(p.state("problem")).toMatch(/of format 2/);
      had("3.0.0");
    });
    test("names none: refused with its format, and what is staged stays", async () => {
      const staged = p.text("pull/staged.commit");
      await p.publish("after-5", "5.0.0");
      later("");
      expect(await p.refused("pull", ["stage"])).toMatch(
        /the manifest is of format 2, which this server does not know/,
      );
      expect(p.text("pull/staged.commit")).toBe(staged);
    });
  });

  describe("a spare key (59: ublue-os/bluefin#1484)", () => {
    const spare = publicKeyOf(keyOf(5));
    let q: Puller;
    beforeAll(async () => {
      q = await Puller.make(["busybox", "sh"]);
      q.trust(signManifest(q.manifest(q.s.first, "1.0.0"), { keys: [keyOf(1)], spare: [spare] }));
      q.signers = { keys: [keyOf(1)], spare: [spare] };
      await q.publish("1", "1.0.0", { checksum: q.s.first });
    });
    afterAll(() => q?.end());

    test("signs alone when the first is lost, and takes the first one's word away", async () => {
      // who has the lost key
      const stolen = (version: string, text: string) =>
        q.put(
          MANIFEST,
          manifestFile(
            signText(
              text.replace(/^version=.*$/m, `version=${version}`).replace(/^number=.*$/m, "number=99999999999"),
              { keys: [keyOf(1)], spare: [] },
            ),
          ),
        );
      q.signers = { keys: [keyOf(5)], spare: [publicKeyOf(keyOf(6))] };
      await q.publish("1", "1.1.0", { checksum: q.s.first });
      expect((await q.run("pull", ["check"])).stdout).toMatch(/^decision=current$/m);
      expect(q.text("trust/manifest")).not.toContain(publicKeyOf(keyOf(1)));
      const { text } = parseManifestFile(readFileSync(q.published(MANIFEST), "utf8"))!;
      stolen("1.2.0", text);
      expect(await q.refused("pull", ["check"])).toMatch(/not signed by a key that this server trusts$/);
      stolen("1.3.0", text.replace(/^step=.*$/m, "step=9"));
      expect(await q.refused("pull", ["check"])).toMatch(/not signed by a key that this server trusts$/);
    });
  });
});
