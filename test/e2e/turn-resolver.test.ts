/**
 * A server whose names come from a Consul agent of its own, which hangs and dies (extras/resolver): the agent, Consul's
 * server as the usual nameserver, and Alpine's musl, busybox and curl are real. Row 20: consul#5204, #228.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asset } from "../../provider/assets.ts";
import { turnScript } from "../../provider/host/scripts.ts";
import { run } from "../../provider/local/run.ts";
import { startConsul } from "../lab/consul/index.ts";
import { ensureAlpineTree } from "../lab/mirror/alpine.ts";
import { COMMIT } from "./turn-lab.ts";

/** Of this machine's loopback, where nobody else answers on port 53. */
const [LOCAL, USUAL] = ["127.0.53.1", "127.0.53.2"];
const work = mkdtempSync(join(tmpdir(), "pine-turn-resolver-"));
const at = (path: string) => join(work, path);
const conf = () => readFileSync(at("etc/resolv.conf"), "utf8");
let alpine = "";
let web: Server;
let consul: Awaited<ReturnType<typeof startConsul>>;
let resolver: ChildProcess | undefined;

/** $1 Alpine, $2 the pieces of the server, $3 what it may write, with its /etc; the rest is run there. */
const INSIDE = `set -eu
alpine=$1 lib=$2 work=$3
mount --make-rprivate /
mount --rbind "$alpine" "$alpine"
for folder in dev proc; do mount --rbind /$folder "$alpine/$folder"; done
for folder in run mnt; do mount -t tmpfs tmpfs "$alpine/$folder"; done
mkdir "$alpine/mnt/lib" "$alpine/mnt/work"
mount --bind "$lib" "$alpine/mnt/lib"
mount --bind "$work" "$alpine/mnt/work"
mount --bind "$work/etc" "$alpine/etc"
exec chroot "$alpine" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin RESOLVER_ADDRESS=${LOCAL} \\
  RESOLVER_KEPT=/mnt/work/kept PINE_LOCK=/mnt/work/memory PINE_RUN=/run /bin/sh -c "$4"`;
const inside = (script: string) => {
  const lib = asset("system/rootfs/usr/libexec/pine");
  return ["--mount", "sh", "-c", INSIDE, "sh", alpine, lib, work, script];
};
/** A server's question for its manifest, as libexec/pine/pull has it. */
const ASK = `set -eu
memory() { echo /mnt/work/memory; }
for piece in words trials pulling requests; do . /mnt/lib/$piece; done
memory() { echo /mnt/work/memory; }
work=/run url=$(setting url) why=
settings
small_file pine/x.manifest 1000 || { echo "$why"; exit 1; }
cat /run/got`;

/** Takes the turn, looks at it again, gives it back, and asks for the manifest; all by names. */
async function works(): Promise<string> {
  const turn = (words: string) => `sh /mnt/work/turn ${words} ${COMMIT.a} || exit 1\n`;
  const script = `(\n${turn("take")}${turn("check")}${turn("release none")})\n${ASK}`;
  const { stdout } = await run("unshare", inside(script), { ok: [0, 1], timeout: 100_000 });
  return stdout.trim();
}
async function until(what: string, done: () => boolean): Promise<number> {
  const begun = Date.now();
  while (!done()) {
    if (Date.now() - begun > 60_000) throw new Error(`not ${what}: ${conf()}`);
    await sleep(50);
  }
  return Date.now() - begun;
}
const asksOf = (address: string) => () =>
  conf()
    .match(/^nameserver.*$/gm)
    ?.join() === `nameserver ${address}`;

beforeAll(async () => {
  alpine = await ensureAlpineTree(() => {});
  for (const folder of ["memory", "memory/pull"]) mkdirSync(at(folder));
  cpSync(join(alpine, "etc"), at("etc"), { recursive: true, verbatimSymlinks: true });
  rmSync(at("etc/resolv.conf"), { force: true });
  writeFileSync(at("etc/resolv.conf"), `nameserver ${USUAL}\n`);
  web = createServer((request, response) => {
    if (request.url !== "/pine/x.manifest") response.writeHead(404);
    response.end("pine=1\n");
  });
  await new Promise<void>((done) => web.listen(0, "127.0.0.1", done));
  const { port } = web.address() as AddressInfo;
  consul = await startConsul({ dns: USUAL });
  const body = { Name: "updates", Address: "127.0.0.1", Port: port };
  expect((await consul.ask("agent/service/register", { method: "PUT", body })).ok).toBe(true);
  const store = `http://consul.service.consul:${new URL(consul.url).port}`;
  writeFileSync(at("memory/lock"), `backend=consul\nurl=${store}\ngroup=g\nid=w1\n`);
  writeFileSync(at("memory/updates"), `url=http://updates.service.consul:${port}\n`);
  writeFileSync(at("turn"), turnScript());
  writeFileSync(at("resolver"), readFileSync(asset("system/extras/resolver/usr/libexec/pine/resolver")));
  await run("unshare", inside("sh /mnt/work/turn join"), { timeout: 60_000 });
});
afterAll(async () => {
  if (resolver?.pid && resolver.exitCode === null) process.kill(-resolver.pid, "SIGKILL");
  web?.close();
  await consul?.end();
  rmSync(work, { recursive: true, force: true });
});

test("the agent hangs, comes back, and is killed: turns and manifests go on by their names (20: consul#5204, #228)", async () => {
  const agent = await consul.join(LOCAL);
  try {
    resolver = spawn("unshare", inside("exec sh /mnt/work/resolver"), { detached: true, stdio: "ignore" });
    await until("of the agent", asksOf(LOCAL));
    expect(await works()).toBe("pine=1");
    agent.freeze();
    // what would be so for good without the service
    process.kill(-resolver.pid!, "SIGSTOP");
    expect(await works()).toMatch(/^the reboot lock cannot be used: .* does not answer.*(?<!pine=1)$/s);
    process.kill(-resolver.pid!, "SIGCONT");
    const frozen = await until("of the usual one, when it hangs", asksOf(USUAL));
    expect(await works()).toBe("pine=1");
    agent.thaw();
    await until("of the agent again", asksOf(LOCAL));
    expect(await works()).toBe("pine=1");
    process.kill(agent.pid, "SIGKILL");
    const killed = await until("of the usual one, when it is gone", asksOf(USUAL));
    expect(await works()).toBe("pine=1");
    console.log(`the usual nameserver is back: ${frozen} ms with an agent that hangs, ${killed} ms after its end`);
  } finally {
    await agent.end();
  }
});
