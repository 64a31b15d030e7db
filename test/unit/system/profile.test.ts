/** What a login shows (profile.d/50-pine.sh), on a terminal of its own, in both shells. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { run } from "../../../provider/local/run.ts";
import { shellQuote } from "../../../provider/words.ts";

const work = mkdtempSync(join(tmpdir(), "pine-profile-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const PROFILE = asset("system/rootfs/etc/profile.d/50-pine.sh");

/** A folder with a `pine` that answers so. */
function pine(name: string, text: string): string {
  const folder = mkdtempSync(join(work, name));
  writeFileSync(join(folder, "pine"), `#!/bin/sh\n[ "$*" = notices ] || exit 2\n${text}\n`);
  chmodSync(join(folder, "pine"), 0o755);
  return folder;
}

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  /** A login as root, or as another user of a namespace of its own. */
  async function login(folder: string, o: { terminal: boolean; root: boolean }): Promise<string> {
    const sh = [...shell, "-c", `. ${PROFILE}; echo "prompt $?"`].map(shellQuote).join(" ");
    const who = o.root ? "--map-root-user" : "--map-user=1000";
    const inside = `unshare --user ${who} ${sh}`;
    const env = { PATH: `${folder}:${process.env.PATH}` };
    const argv = o.terminal ? ["-qec", inside, "/dev/null"] : ["-c", inside];
    const { stdout, stderr } = await run(o.terminal ? "script" : "sh", argv, { env, input: "" });
    return (stdout + stderr).replaceAll("\r", "").trim();
  }
  const says = () => pine("says", "echo 'failed     commit 1: web: status 500 (pine logs)'");

  test("tells root on a terminal, and goes on", async () =>
    expect(await login(says(), { terminal: true, root: true })).toBe(
      "failed     commit 1: web: status 500 (pine logs)\nprompt 0",
    ));
  test("a program that reads the output gets nothing that it did not ask for", async () =>
    expect(await login(says(), { terminal: false, root: true })).toBe("prompt 0"));
  test("another user hears nothing, not even that it may not ask", async () =>
    expect(await login(says(), { terminal: true, root: false })).toBe("prompt 0"));
  test("a pine that fails is no noise at a login", async () =>
    expect(await login(pine("fails", "echo broken >&2; exit 1"), { terminal: true, root: true })).toMatch(
      /^prompt \d+$/,
    ));
});
