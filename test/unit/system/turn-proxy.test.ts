/** A reboot lock without a proxy of its own takes that of the server's updates: libexec/pine/turn, by both shells. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { turnScript } from "../../../provider/host/scripts.ts";
import { run } from "../../../provider/local/run.ts";
import { type FarProxy, startFarProxy } from "./a-far-web.ts";
import { FAR } from "./certificates.ts";

const home = mkdtempSync(join(tmpdir(), "pine-turn-proxy-"));
let proxy: FarProxy;
beforeAll(async () => {
  proxy = await startFarProxy({ http: () => 1, https: () => 1 });
  proxy.answers = 404;
});
afterAll(() => {
  proxy.end();
  rmSync(home, { recursive: true });
});

async function asks(shell: string[], lock: string): Promise<number> {
  proxy.through.length = 0;
  writeFileSync(join(home, "updates"), `proxy=http://127.0.0.1:${proxy.port}\n`);
  writeFileSync(join(home, "lock"), `backend=fleetlock\ngroup=g\nid=web-1\n${lock}\n`);
  writeFileSync(join(home, "turn"), turnScript());
  const args = [...shell.slice(1), join(home, "turn"), "take", "a".repeat(64)];
  const env = { PINE_LOCK: home, PINE_RUN: home };
  await run(shell[0]!, args, { env, extendEnv: true, ok: [0, 1, 75, 77], timeout: 50_000 });
  return proxy.through.length;
}

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  test.each<[string, string, boolean]>([
    ["that of the updates", `url=http://${FAR}`, true],
    ["its own", `url=http://${FAR}\nproxy=http://127.0.0.1:1`, false],
    ["none, where it says so", `url=http://${FAR}\nproxy=none`, false],
    ["none for what is on the server", "url=http://127.0.0.1:1", false],
    ["nor by that name", "url=http://localhost:1", false],
  ])("%s", async (_, lock, through) => expect((await asks(shell, lock)) > 0).toBe(through));
});
