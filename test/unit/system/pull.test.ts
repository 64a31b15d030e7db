/**
 * What a server fetches by itself: libexec/pine/pull with a real OSTree and signify, from a real published folder, in
 * both shells. Names with a number are public reports of what broke for others.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { manifestFile, signManifest } from "../../../provider/trust/manifest.ts";
import { keyOf } from "../trust/a-manifest.ts";
import { Puller, REF } from "./a-puller.ts";

const MANIFEST = `pine/${REF}.manifest`;

describe.each([["dash"], ["busybox", "sh"]])("a server that pulls, by %s", (...shell) => {
  let p: Puller;
  let second = "";
  const told = async (what: string) => {
    const { stdout } = await p.run("pull", [what]);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split(/=(.*)/).slice(0, 2)),
    );
  };
  const refs = async () => (await p.s.ostree(["refs", `--repo=${join(p.s.root, "ostree/repo")}`])).stdout;
  const served = (text: string) => {
    p.answer = (_, response, path) => {
      if (path !== MANIFEST) return false;
      response.writeHead(200).end(text);
      return true;
    };
  };
  beforeAll(async () => {
    p = await Puller.make(shell);
    second = await p.publish("2", "1.1.0", { from: p.s.first });
  });
  afterEach(() => {
    p.answer = () => false;
  });
  afterAll(() => p?.end());

  test("looks first: what is offered, and nothing is fetched", async () => {
    expect(await told("check")).toEqual({ commit: second, version: "1.1.0", decision: "fetch", reason: "" });
    expect(p.asked).toEqual([MANIFEST]);
    expect(await p.s.has(second)).toBe(false);
  });

  test("stages it by its delta: it is here, whole, and nothing that boots has changed (33: zincati#1186)", async () => {
    const before = readFileSync(join(p.s.slots, "env"));
    expect(await told("stage")).toMatchObject({ commit: second, decision: "staged" });
    expect(p.asked.some((path) => path.startsWith("deltas/"))).toBe(true);
    expect([p.asked.filter((path) => path.endsWith(".filez")), p.log()]).toEqual([
      [],
      expect.not.stringContaining("delta"),
    ]);
    expect([await p.s.has(second), (await refs()).includes("pine/staged")]).toEqual([true, true]);
    expect(readFileSync(join(p.s.slots, "env"))).toEqual(before);
    expect(p.s.bootable()).toEqual({ a: "1" });
  });

  test("stages it once", async () => {
    p.asked.length = 0;
    expect(await told("stage")).toMatchObject({ decision: "staged" });
    expect(p.asked).toEqual([MANIFEST]);
  });

  test("a person reads how far it is", async () => {
    const { stdout } = await p.run("../lib/told-status", [], { before: statusOf() });
    expect(stdout).toMatch(/^updates +a new version is here since/m);
    expect(stdout).toMatch(/^staged +version 1\.1\.0, commit [0-9a-f]{12}$/m);
  });

  test("a mirror that stands still is a finding, and a renewed statement ends it (61: python-tuf#322)", async () => {
    const status = async () => (await p.run("../lib/told-status", [], { before: statusOf() })).stdout;
    expect(await status()).toMatch(/^warning +nothing was signed for \d+ days: the mirror may stand still$/m);
    const now = Math.floor(Date.now() / 1000);
    await p.publish("2", "1.1.0", { checksum: second, at: now - 44 * 86_400 });
    await told("check");
    expect(await status()).not.toContain("nothing was signed");
    await p.publish("2", "1.1.0", { checksum: second, at: now - 46 * 86_400 });
    await told("check");
    expect(await status()).toMatch(/^warning +nothing was signed for 46 days/m);
    await p.publish("2", "1.1.0", { checksum: second });
    await told("stage");
  });

  /** A status of updates alone, by the piece that sbin/pine has it from. */
  const statusOf = () =>
    [
      "cat >/run/scripts/lib/told-status <<'END'",
      "#!/bin/sh",
      "dir=/boot/grub/pine",
      "for piece in words system trials told; do . /run/scripts/lib/$piece; done",
      "memory=$(memory)",
      'value() { sed -n "s/^$1=//p" | head -n 1; }',
      'file_value() { [ ! -r "$2" ] || value "$1" <"$2"; }',
      'line() { printf \'%-10s %s\\n\' "$1" "$2"; }',
      "told=$(update_facts)",
      'is() { echo "$told" | value "$1"; }',
      "update_lines",
      "END",
      "chmod 755 /run/scripts/lib/told-status",
    ].join("\n");

  describe("is refused, and leaves what is staged", () => {
    const signed = (m: Parameters<Puller["manifest"]>[2], n = 1) =>
      manifestFile(signManifest(p.manifest(second, "1.1.0", m), { keys: [keyOf(n)], spare: [] }));
    test.each<[string, () => string, RegExp]>([
      [
        "a web page (32: FCOS#379)",
        () => "<html><body>Sign in</body></html>\n",
        /is no manifest, but a web page: a proxy or a portal\?/,
      ],
      ["nothing", () => "", /is no manifest/],
      ["what has no end", () => `pine=1\n${"x".repeat(100_000)}`, /longer than 65536 bytes/],
      ["no signature", () => signed({}).split("\n\n")[0]!, /the manifest is not signed/],
      ["another key's", () => signed({}, 9), /not signed by a key that this server trusts/],
      ["a manifest without a number: it was made for an up", () => signed({}), /is no publication/],
    ])("%s", async (_, text, message) => {
      served(text());
      expect(await p.refused("pull", ["stage"])).toMatch(message);
      expect(p.state("problem")).toMatch(message);
      expect(p.has("pull/staged.commit")).toBe(true);
    });

    test("a portal that sends every question to its page: told, and nothing else is asked for (32: FCOS#379)", async () => {
      p.asked.length = 0;
      p.answer = (_, response, path) => {
        if (path === "portal")
          response.writeHead(200, { "content-type": "text/html" }).end("<!DOCTYPE html><p>Pay</p>");
        else response.writeHead(302, { location: "/portal" }).end();
        return true;
      };
      expect(await p.refused("pull", ["stage"])).toMatch(/is no manifest, but a web page: a proxy or a portal\?/);
      expect(p.asked).toEqual([MANIFEST, "portal"]);
    });
    test("another branch's, another architecture's, an older version (61, 62)", async () => {
      const kept = readFileSync(p.published(MANIFEST), "utf8");
      for (const [more, version, message] of [
        [{ ref: "pine/other" }, "1.2.0", /is that of pine\/other, not of/],
        [{ arch: "aarch64" }, "1.2.0", /for another arch: aarch64/],
        [{}, "0.9.0", /version 0\.9\.0 is older than 1\.0\.0, which this server has had/],
      ] as const) {
        await p.publish("2", version, { checksum: second, more });
        expect(await p.refused("pull", ["stage"])).toMatch(message);
        writeFileSync(p.published(MANIFEST), kept);
      }
    });

    test("an older statement, whatever version it has (61: python-tuf#322)", async () => {
      const old = readFileSync(p.published(MANIFEST), "utf8");
      await p.publish("2", "1.1.0", { checksum: second });
      await told("stage");
      served(old);
      expect(await p.refused("pull", ["stage"])).toMatch(
        /publication \d+ is older than \d+, which this server has seen/,
      );
      p.answer = () => false;
      expect(await told("stage")).toMatchObject({ decision: "staged" });
      expect(p.state("problem")).toBeUndefined();
    });
  });

  test("a server that trusts nobody pulls nothing", async () => {
    const manifest = p.text("trust/manifest");
    writeFileSync(p.memory("trust/manifest"), "");
    expect(await p.refused("pull", ["stage"])).toMatch(/this server trusts no key: nothing is pulled/);
    writeFileSync(p.memory("trust/manifest"), manifest);
  });

  test("failures come further apart, and each server's at its own moment (29, 43: zincati#1314)", async () => {
    await told("stage");
    p.answer = (request) => {
      request.socket.destroy();
      return true;
    };
    const waits: number[] = [];
    for (let n = 0; n < 3; n++) {
      expect(await p.refused("pull", ["stage"])).toMatch(/cannot be asked/);
      waits.push(Number(p.state("next")) - Date.now() / 1000);
    }
    expect([p.state("failures"), waits[0]! > 250, waits[1]! > waits[0]! * 1.3, waits[2]! > waits[1]! * 1.3]).toEqual([
      "3",
      true,
      true,
      true,
    ]);
    p.answer = () => false;
    await told("stage");
    expect(p.state("failures")).toBeUndefined();
  });

  test("withdrawn: what is staged goes, and a server that runs one says so (37: tauri#2596)", async () => {
    const third = await p.publish("3", "1.2.0", { statement: { withdrawn: [second, p.s.first] } });
    expect(await told("check")).toMatchObject({ commit: third, decision: "fetch" });
    expect([p.has("pull/staged.commit"), await p.s.has(second)]).toEqual([false, false]);
    expect(p.state("withdrawn")).toMatch(/the commit that runs was withdrawn/);
    expect(await told("stage")).toMatchObject({ commit: third, decision: "staged" });
  });

  test("not once more what a person rolled back, nor what was bad; what may have been something else's fault, later (42, 43)", async () => {
    const third = (await told("check")).commit!;
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
    for (const [line, decision] of [
      [`${third} person ${at(9)} the page is wrong`, "refused"],
      [`${third} bad ${at(9)} web: 500`, "refused"],
      [`${third} unclear ${at(0)} silent`, "refused"],
      [`${third} unclear ${at(2)} silent`, "fetch"],
      [`${third} elsewhere ${at(2)} witness: no answer`, "fetch"],
    ] as const) {
      writeFileSync(p.memory("refused"), `${line}\n`);
      const now = await told("check");
      expect([line, now.decision, now.decision === "refused" ? now.reason : ""]).toEqual([
        line,
        decision,
        decision === "refused" ? expect.stringMatching(/^not booted again, /) : "",
      ]);
    }
    writeFileSync(p.memory("refused"), "");
    await told("stage");
  });
});
