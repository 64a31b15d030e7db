/**
 * A store that is found by name, through a Consul agent on the server itself that dies: extras/resolver, two real
 * agents that answer DNS, and a turn, in a network namespace with a loopback of its own.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asset } from "../../provider/assets.ts";
import { turnScript } from "../../provider/host/scripts.ts";
import { run } from "../../provider/local/run.ts";
import { consulProgram } from "../lab/consul/index.ts";
import { startProcess } from "../lab/processes.ts";

const A = "a".repeat(64);
// the data centre's own server, which is the usual nameserver as well, and the agent on this one
const [USUAL, LOCAL] = ["127.0.0.2", "127.0.0.1"];
const NORMAL = `nameserver ${USUAL}\noptions timeout:1 attempts:1\n`;

const home = mkdtempSync(join(tmpdir(), "pine-turn-resolver-"));
const at = (name: string) => join(home, name);
const PATH = `${at("bin")}:${process.env.PATH}`;
let inside: string[] = [];
type Process = ReturnType<typeof startProcess>;
const started: Process[] = [];
const start = (what: string, argv: string[], env: NodeJS.ProcessEnv = {}) => {
  const o = { cwd: home, env: { ...process.env, ...env }, stdio: "ignore" as const };
  const one = startProcess(what, argv[0]!, argv.slice(1), o);
  started.push(one);
  return one;
};
const within = (argv: string[], timeout = 60_000) =>
  run(inside[0]!, [...inside.slice(1), ...argv], { ok: [0, 1, 75], timeout, env: { PATH }, extendEnv: true });
const conf = () => readFileSync(at("etc/resolv.conf"), "utf8");
const isLocal = () => /^# pine-resolver.*\nnameserver 127\.0\.0\.1\noptions timeout:1 attempts:1\n$/.test(conf());
const turn = (...args: string[]) =>
  within(["env", `PINE_LOCK=${at("lock")}`, `PINE_RUN=${at("run")}`, "busybox", "sh", at("turn"), ...args]);

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; !(await done()); n++) {
    if (n > 400) throw new Error(`not ${what}; resolv.conf: ${conf()}`);
    await sleep(100);
  }
}

async function agent(address: string, more: object): Promise<Process> {
  const name = `consul-${address}`;
  const settings = {
    ...{ node_name: name, bind_addr: address, client_addr: address, data_dir: at(name), disable_update_check: true },
    ports: { dns: 53, serf_wan: -1, grpc: -1, grpc_tls: -1 },
    ...{ performance: { raft_multiplier: 1 }, ...more },
  };
  writeFileSync(at(`${name}.json`), JSON.stringify(settings));
  return start(name, [...inside, await consulProgram(), "agent", "-config-file", at(`${name}.json`)]);
}
const agentHere = () => agent(LOCAL, { retry_join: [USUAL], retry_interval: "1s", leave_on_terminate: true });
const resolver = () =>
  start("resolver", [...inside, "busybox", "sh", asset("system/extras/resolver/usr/libexec/pine/resolver")], {
    RESOLVER_KEPT: at("kept"),
    RESOLVER_LOOP: "0.2",
    PATH,
  });
async function kill(one: Process): Promise<void> {
  process.kill(-one.pid, "SIGKILL");
  await one.ended;
}

let here: Process;
beforeAll(async () => {
  for (const name of ["bin", "lock", "run", "etc"]) mkdirSync(at(name));
  writeFileSync(at("etc/resolv.conf"), NORMAL);
  writeFileSync(at("etc/nsswitch.conf"), "hosts: dns\n");
  writeFileSync(at("turn"), turnScript());
  const busybox = await run("sh", ["-c", "command -v busybox"], { env: {}, extendEnv: true });
  // Debian's awk is a link by way of /etc
  for (const name of ["awk", "nslookup"]) symlinkSync(busybox.stdout.trim(), at(`bin/${name}`));
  const url = "http://consul.service.consul:8500";
  writeFileSync(at("lock/lock"), `backend=consul\nurl=${url}\ngroup=g\nid=w1\ndeadline=600\n`);
  const holds = `ip link set lo up; mount --make-rprivate /; mount --bind ${at("etc")} /etc; echo >${at("up")}; exec sleep 3600`;
  const { pid } = start("a namespace", ["unshare", "--net", "--mount", "sh", "-c", holds]);
  await until("a namespace", () => {
    try {
      return readFileSync(at("up"), "utf8") === "\n";
    } catch {
      return false;
    }
  });
  inside = ["nsenter", "-t", String(pid), "--net", "--mount"];
  await agent(USUAL, { server: true, bootstrap_expect: 1 });
  here = await agentHere();
});
afterAll(async () => {
  for (const one of started.reverse()) await kill(one).catch(() => {});
  rmSync(home, { recursive: true, force: true });
});

it("a store by name: with the agent, while it hangs or is dead, and with it again (consul#5204)", async () => {
  await until("a leader, by name", async () => (await turn("join")).exitCode === 0);
  let asks = resolver();
  await until("the agent's", isLocal);
  await until("a turn", async () => (await turn("take", A)).exitCode === 0);
  process.kill(-here.pid, "SIGSTOP");
  try {
    await until("the usual one", () => conf() === NORMAL);
    expect(await turn("check", A)).toMatchObject({ exitCode: 0 });
  } finally {
    process.kill(-here.pid, "SIGCONT");
  }
  await until("the agent's again", isLocal);
  await kill(here);
  await until("the usual one again", () => conf() === NORMAL);
  expect(await turn("check", A)).toMatchObject({ exitCode: 0 });
  here = await agentHere();
  await until("the agent's a third time", isLocal);
  await until("its turn is there", async () => (await turn("check", A)).exitCode === 0);
  await kill(asks);
  asks = resolver();
  await kill(here);
  await until("the usual one, by the next start", () => conf() === NORMAL);
  await kill(asks);
});

it("killed at twenty moments while the agent comes and goes: a whole file, and the store is found (consul-release#9)", async () => {
  here = await agentHere();
  const seen = new Set<string>();
  for (let n = 0; n < 20; n++) {
    process.kill(-here.pid, n % 2 === 0 ? "SIGCONT" : "SIGSTOP");
    const asks = resolver();
    await sleep(60 + n * 45);
    await kill(asks);
    expect(conf() === NORMAL || isLocal(), conf()).toBe(true);
    seen.add(conf());
  }
  expect(seen.size).toBe(2);
  const asks = resolver();
  await until("the usual one", () => conf() === NORMAL);
  expect(await turn("check", A)).toMatchObject({ exitCode: 0 });
  await kill(asks);
});
