/** What Pine puts on every server. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Bytes of all programs; what is asked for in `extras` is not among them. */
const MOST = 200_000;

test("its programs have less than 200 KB", () => {
  const files = readdirSync("provider/system/rootfs", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(files).toContain("provider/system/rootfs/usr/sbin/pine");
  expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(MOST);
});
