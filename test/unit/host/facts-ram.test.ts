/** What an overwrite reads of the facts script's lines: disks' first sectors, kexec, the RAM system. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../provider/host/facts.ts";

const lab = readFileSync(join(import.meta.dirname, "../fixtures/facts/debian-12-lab.txt"), "utf8");

describe("disks", () => {
  it("are known by their first sectors", () => {
    const { disks } = parseFacts(lab);
    expect(disks.map((d) => [d.device, d.sectorSize, d.table])).toEqual([["/dev/vda", 512, "gpt"]]);
    expect(disks[0]!.head).toMatch(/^[0-9a-f]{64}$/);
  });
  it("whose first sectors cannot be read have no head", () =>
    expect(parseFacts(lab.replace(/^table=.*$/m, "")).disks[0]!.head).toBeUndefined());
  it("tell where partitions begin, in bytes", () => {
    const [disk] = parseFacts(`${lab}\nstart=vda1 2048\nstart=vda2 4096`).disks;
    expect(disk!.partitions.map((p) => [p.number, p.start])).toEqual([
      [1, 1024 ** 2],
      [2, 2 * 1024 ** 2],
    ]);
  });
});

describe("kexec", () => {
  it.each([
    ["kexec.there=1\nkexec.disabled=0", { there: true, disabled: false }],
    ["kexec.there=1\nkexec.disabled=1", { there: true, disabled: true }],
    ["", { there: false, disabled: undefined }],
  ])("%s", (lines, expected) => expect(parseFacts(`${lab}\n${lines}`).kexec).toMatchObject(expected));
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
