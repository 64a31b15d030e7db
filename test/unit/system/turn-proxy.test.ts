/** A reboot lock without a proxy of its own takes that of the server's updates: libexec/pine/turn, by both shells. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

  // no curl, and programs of busybox alone
  test.each<[string, string, string | undefined, number]>([
    ["consul", "http", undefined, 1],
    ["etcd", "http", undefined, 0],
    ["etcd", "https", undefined, 1],
    ["fleetlock", "http", undefined, 0],
    ["fleetlock", "http", "token", 1],
  ])("a system without curl and %s by %s, with %s: %i (53: FCOS#1477)", async (backend, scheme, token, code) => {
    rmSync(join(home, "lock.token"), { force: true });
    if (token) writeFileSync(join(home, "lock.token"), `${token}\n`);
    writeFileSync(join(home, "lock"), `backend=${backend}\ngroup=g\nid=web-1\nurl=${scheme}://127.0.0.1:1\n`);
    writeFileSync(join(home, "turn"), turnScript());
    const bin = join(home, "bin");
    mkdirSync(bin, { recursive: true });
    await run("busybox", ["--install", "-s", bin]);
    // Debian's has none
    await run("sh", ["-c", `ln -sf "$(command -v flock)" ${bin}/flock`]);
    const [file, ...rest] = [...shell, join(home, "turn"), "able"];
    const env = { PINE_LOCK: home, PINE_RUN: home, PATH: bin };
    const { stdout: where } = await run("which", [file!]);
    const r = await run(where.trim(), rest, { env, ok: [0, 1] });
    expect([r.exitCode, r.stdout]).toEqual([
      code,
      code ? expect.stringMatching(/curl is missing here, .*packages/) : "",
    ]);
    // with it, nobody is asked, either
    const asked = await run(where.trim(), rest, { env: { ...env, PATH: process.env.PATH! }, ok: [0, 1] });
    expect(asked.exitCode).toBe(0);
  });
});
