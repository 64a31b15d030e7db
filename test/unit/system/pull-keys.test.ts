/** How a server of months ago finds the newest commit: by the chain of keys, over barriers (libexec/pine/pull). */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKeyOf } from "../../../provider/trust/signify.ts";
import { keyOf } from "../trust/a-manifest.ts";
import { Puller, REF } from "./a-puller.ts";

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

  test("over a barrier first, also where the manifest is of a format of later (68)", async () => {
    const step = await p.s.commit("step", { repo: p.repo });
    const newest = await p.publish("newest", "3.0.0", {
      statement: { barriers: [{ version: "2.0.0", checksum: step }] },
    });
    expect(await told("check")).toMatch(new RegExp(`^commit=${step}\nversion=2.0.0\n`));
    p.trust({ text: p.text("trust/manifest").replace(/^version=.*$/m, "version=2.0.0") });
    expect(await told("check")).toMatch(new RegExp(`^commit=${newest}\nversion=3.0.0\n`));
  });
});
