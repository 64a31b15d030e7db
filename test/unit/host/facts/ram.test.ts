/** What an overwrite needs, and its RAM system, out of the facts script's lines. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";

const lab = readFileSync(join(import.meta.dirname, "../../fixtures/facts/debian-12-lab.txt"), "utf8");

describe("a disk that may be written over", () => {
  it("is known by its first two sectors, of whatever size", () => {
    const [disk] = parseFacts(lab).disks;
    expect(disk).toMatchObject({ device: "/dev/vda", sectorSize: 512 });
    expect(disk!.head).toMatch(/^[0-9a-f]{64}$/);
    // the sectors are not read where the login may not
    expect(parseFacts(lab.replace(/^table=.*$/m, "")).disks[0]!.head).toBeUndefined();
  });
  it("has partitions that begin somewhere", () => {
    const begin = ["start=vda1 2048", "start=vda2 4096"].join("\n");
    expect(parseFacts(`${lab}\n${begin}`).disks[0]!.partitions.map((p) => [p.number, p.start])).toEqual([
      [1, 1024 ** 2],
      [2, 2 * 1024 ** 2],
    ]);
  });
});

describe("the RAM system", () => {
  it("is told by its own files", () => {
    const lines = ["id=i1", "stack=demo/dev", "urn=urn:x", "old=Debian GNU/Linux 12"].map(
      (l) => `pine.ram.install=${l}`,
    );
    lines.push('pine.ram.plan={"method":"overwrite","hosts":"a\\nb"}', `pine.ram.image=${"e".repeat(64)}`);
    lines.push("pine.ram.blocks=aa", "pine.ram.blocks=bb", "pine.ram.verified=1");
    expect(parseFacts([lab, ...lines].join("\n")).pine.ram).toEqual({
      install: { id: "i1", stack: "demo/dev", urn: "urn:x", old: "Debian GNU/Linux 12" },
      plan: '{"method":"overwrite","hosts":"a\\nb"}',
      image: "e".repeat(64),
      blocks: 2,
      verified: 1,
      finished: false,
    });
  });
  it("is not there on any other system", () => expect(parseFacts(lab).pine.ram).toBeUndefined());
});
