/** What programs need, against the machine's own tools. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { elfNeeds } from "../../../../provider/image/initramfs/elf.ts";
import { run } from "../../../../provider/local/run.ts";

describe("a program's loader and libraries", () => {
  it.each(["/bin/sh", "/usr/bin/ssh", process.execPath])("%s, as readelf has them", async (file) => {
    const { stdout } = await run("readelf", ["-ldW", file]);
    const needed = [...stdout.matchAll(/\(NEEDED\)\s+Shared library: \[(.*)\]/g)].map((m) => m[1]);
    expect(needed.length).toBeGreaterThan(0);
    expect(elfNeeds(readFileSync(file))).toEqual({
      loader: /\[Requesting program interpreter: (.*)\]/.exec(stdout)?.[1],
      needed,
    });
  });
  it.each([
    ["a script", Buffer.from("#!/bin/sh\n")],
    ["nothing", Buffer.alloc(0)],
    ["a 32-bit program", Buffer.concat([Buffer.from("7f454c460101", "hex"), Buffer.alloc(100)])],
  ])("%s has none", (_, bytes) => expect(elfNeeds(bytes)).toBeUndefined());
});
