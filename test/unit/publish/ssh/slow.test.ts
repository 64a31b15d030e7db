/**
 * A server whose tar pauses, where a network may: what it sent is taken, and nobody waits for ever. Seen in CI: Node's
 * pipeline never ended where node-tar had written every file before the end of the stream was there.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withSshRemote } from "../../../../provider/publish/ssh/place.ts";
import { quietTask } from "../../../../provider/task.ts";
import { type Sshd, startSshd } from "../../../lab/sshd/index.ts";

const base = mkdtempSync(join(tmpdir(), "pine-slow-"));
const [bin, there] = [join(base, "bin"), join(base, "there")];
let sshd: Sshd;
beforeAll(async () => {
  for (const dir of [bin, there, join(base, "sshd")]) mkdirSync(dir);
  writeFileSync(join(there, "summary"), "fine");
  writeFileSync(join(there, "config"), "x".repeat(5000));
  sshd = await startSshd(join(base, "sshd"), { config: `SetEnv PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin` });
});
afterAll(async () => {
  await sshd?.end();
  rmSync(base, { recursive: true });
});

// a head, a file of less than a block and its padding; a head and a file of ten blocks; two empty blocks and the
// record's rest
it.each([1, 511, 512, 700, 1024, 1536, 4000, 7168, 7680, 9000, 10240])(
  "pauses after byte %i, and before its end",
  async (bytes) => {
    const pausing = `#!/bin/sh\n/usr/bin/tar "$@" >${base}/sent\nhead -c ${bytes} ${base}/sent\nsleep 0.3\ntail -c +${bytes + 1} ${base}/sent\nsleep 0.3\n`;
    writeFileSync(join(bin, "tar"), pausing, { mode: 0o755 });
    const into = mkdtempSync(join(base, "into-"));
    const listed = new Map([
      ["summary", 4],
      ["config", 5000],
    ]);
    await withSshRemote(sshd.connection, there, quietTask(), (r) => r.fetch(listed, into, () => {}));
    for (const name of listed.keys())
      expect(readFileSync(join(into, name), "utf8")).toBe(readFileSync(join(there, name), "utf8"));
  },
);
