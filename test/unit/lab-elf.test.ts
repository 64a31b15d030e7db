import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../provider/local/run.ts";
import { readElf, stubLibrary } from "../lab/mirror/elf.ts";

describe("stub libraries", () => {
  it("can be loaded: functions return 0, variables are 0 and may be written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pine-stub-"));
    const file = join(folder, "libstub.so.1");
    const symbols = [
      { name: "plain", version: undefined, size: 0 },
      { name: "versioned", version: "V_1", size: 0 },
      { name: "first", version: "V_2", size: 8 },
      { name: "second", version: "V_2", size: 8 },
    ];
    writeFileSync(file, stubLibrary("libstub.so.1", symbols));
    const program = `
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
first, second = (ctypes.c_uint64.in_dll(lib, n) for n in ("first", "second"))
before = [lib.plain(1), lib.versioned(2), first.value, second.value]
first.value = 7
print(before, first.value, second.value, hasattr(lib, "absent"))`;
    const { stdout } = await run("python3", ["-c", program, file], { timeout: 120_000 });
    rmSync(folder, { recursive: true });
    expect(stdout).toBe("[0, 0, 0, 0] 7 0 False");
  });

  it("reads what a real library needs, offers and imports", () => {
    // Node's own program: a dynamic ELF file that every machine running this test has.
    const elf = readElf(readFileSync(process.execPath));
    expect(elf?.needed).toContain("libc.so.6");
    expect(elf?.imports.has("pthread_create")).toBe(true);
    expect(readElf(Buffer.from("#!/bin/sh\n"))).toBeUndefined();
  });
});
