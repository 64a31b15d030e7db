import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needQemuFor } from "../../../../provider/image/disk/fill.ts";

test("a machine without QEMU is told so, and what to do", async () => {
  const dir = mkdtempSync(join(tmpdir(), "disk-fill-"));
  const program = join(dir, "qemu-system-x86_64");
  const refused =
    /^filesystem: xfs is filled .* has no qemu-system-x86_64; install it .*, or leave filesystem out for ext4$/;
  try {
    await expect(needQemuFor("xfs", "")).rejects.toThrow(refused);
    await expect(needQemuFor("xfs", dir)).rejects.toThrow(refused);
    writeFileSync(program, "");
    chmodSync(program, 0o755);
    await expect(needQemuFor("xfs", `/nonexistent:${dir}`)).resolves.toBeUndefined();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
