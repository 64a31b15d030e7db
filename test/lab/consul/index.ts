/**
 * Consul on 127.0.0.1: 1.14.11, the last with parts that the Go module proxy serves (MPL-2.0), built once from there (4
 * minutes on two cores) and kept in the lab's cache. go.sum pins each part's checksum.
 */
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../../provider/local/run.ts";
// biome-ignore lint/suspicious/noTsIgnore: a script without types
// @ts-ignore
import { goEnvironment, goProgram } from "../../../scripts/setup/pulumi.mjs";
import { cachePath, exists } from "../mirror/cache.ts";
import { withLock } from "../mirror/lock.ts";
import { freePort, startProcess } from "../processes.ts";
import { answers, type Store } from "../store.ts";

const SOURCES = ["go.mod", "go.sum"].map((name) => join(import.meta.dirname, name));

/** The program itself, for a namespace of a test's own. */
export async function consulProgram(): Promise<string> {
  const hash = createHash("sha256");
  for (const path of SOURCES) hash.update(await readFile(path));
  const file = join(await cachePath("..", "tools"), `consul-${hash.digest("hex").slice(0, 16)}`);
  await withLock(`${file}.lock`, async () => {
    if (await exists(file)) return;
    const work = await mkdtemp(`${file}.`);
    for (const path of SOURCES) await cp(path, join(work, path.split("/").pop()!));
    // the two lines name no part of a part: Go finds them, and looks for each in go.sum
    const flags = ["-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"];
    const args = ["build", ...flags, "-o", join(work, "consul"), "github.com/hashicorp/consul"];
    await run(await goProgram(), args, { cwd: work, env: goEnvironment(work), extendEnv: true, timeout: 1_700_000 });
    await rename(join(work, "consul"), file);
    await rm(work, { recursive: true });
  });
  return file;
}

export interface Consul extends Store {
  /** A path of its API, as whoever may do all. */
  ask(path: string, o?: { method?: string; body?: unknown }): Promise<Response>;
  /** The secret of a token with these rules. */
  token(rules: string): Promise<string>;
  /** Stops and continues it, as a network would that is gone. */
  freeze(): void;
  thaw(): void;
  ended: Promise<unknown>;
  /** Asks it to end, as a service manager does. */
  leave(): Promise<unknown>;
}

interface Agent {
  name: string;
  /** How many servers there are; 0: an agent that is none. */
  servers: number;
  join: number[];
  ports: { http: number; server: number; serf_lan: number };
  /** Nothing is allowed but by a token. */
  guarded?: boolean;
  /** Where it answers for names, on port 53; undefined: nowhere. */
  dns?: string;
}

const ROOT = "11111111-2222-3333-4444-555555555555";

async function startAgent(o: Agent): Promise<Consul> {
  const file = await consulProgram();
  const home = await mkdtemp(join(tmpdir(), "pine-consul-"));
  await mkdir(join(home, "data"));
  const server = o.servers > 0 ? { server: true, bootstrap_expect: o.servers } : { leave_on_terminate: true };
  const settings = {
    ...server,
    ...{ node_name: o.name, bind_addr: "127.0.0.1", client_addr: "127.0.0.1", data_dir: join(home, "data") },
    ports: { ...o.ports, serf_wan: -1, dns: o.dns ? 53 : -1, grpc: -1, grpc_tls: -1 },
    ...(o.dns ? { addresses: { dns: o.dns } } : {}),
    retry_join: o.join.map((port) => `127.0.0.1:${port}`),
    ...{ retry_interval: "1s", performance: { raft_multiplier: 1 }, disable_update_check: true },
    ...(o.guarded
      ? { acl: { enabled: true, default_policy: "deny", tokens: { initial_management: ROOT, agent: ROOT } } }
      : {}),
  };
  await writeFile(join(home, "config.json"), JSON.stringify(settings));
  const args = ["agent", "-config-file", join(home, "config.json")];
  const { child, pid, ended } = startProcess(`Consul ${o.name}`, file, args, { cwd: home, stdio: "ignore" });
  const url = `http://127.0.0.1:${o.ports.http}`;
  const headers = { "x-consul-token": ROOT };
  const ask = (path: string, { method = "GET", body }: { method?: string; body?: unknown } = {}) =>
    fetch(`${url}/v1/${path}`, { method, headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  const isUp = () => answers(`${url}/v1/status/leader`, ended, headers);
  await (o.servers > 1 ? undefined : isUp());
  return {
    ...{ url, pid, ask, ended },
    async token(rules) {
      const name = `p${createHash("sha256").update(rules).digest("hex").slice(0, 12)}`;
      await ask("acl/policy", { method: "PUT", body: { Name: name, Rules: rules } });
      const made = await ask("acl/token", { method: "PUT", body: { Policies: [{ Name: name }] } });
      return ((await made.json()) as { SecretID: string }).SecretID;
    },
    async read(key) {
      const answer = await ask(`kv/${key}?raw&consistent`);
      return answer.ok ? answer.text() : undefined;
    },
    write: async (key, text) => void (await ask(`kv/${key}`, { method: "PUT", body: text })),
    remove: async (key) => void (await ask(`kv/${key}`, { method: "DELETE" })),
    freeze: () => process.kill(pid, "SIGSTOP"),
    thaw: () => process.kill(pid, "SIGCONT"),
    leave: () => {
      process.kill(pid, "SIGTERM");
      return ended;
    },
    async end() {
      child.kill("SIGKILL");
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

const ports = async () => ({ http: await freePort(), server: await freePort(), serf_lan: await freePort() });

type Joined = Consul & { join(dns?: string): Promise<Consul> };
export async function startConsul(o: { guarded?: boolean; dns?: string } = {}): Promise<Joined> {
  const own = await ports();
  const consul = await startAgent({ name: "one", servers: 1, join: [], ports: own, ...o });
  /** An agent of a server's own, which leaves when it is asked to end. */
  const join = async (dns?: string) =>
    startAgent({ name: "box", servers: 0, join: [own.serf_lan], ports: await ports(), ...(dns ? { dns } : {}) });
  return { ...consul, join };
}

/** Three servers that know each other, with a leader. */
export async function startThreeConsuls(): Promise<Consul[]> {
  const all = [await ports(), await ports(), await ports()];
  const join = all.map((one) => one.serf_lan);
  const started = await Promise.all(all.map((own, n) => startAgent({ name: `n${n}`, servers: 3, join, ports: own })));
  for (const one of started) await answers(`${one.url}/v1/status/leader`, one.ended);
  return started;
}
