/** Debian's etcd on 127.0.0.1, with one member and its data in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startProcess } from "../processes.ts";
import { answers, type Store } from "../store.ts";

/** What a user of etcd may do with the keys below a prefix. */
type Right = "READ" | "WRITE" | "READWRITE";

export interface Etcd extends Store {
  /** The gateway: `ask("kv/range", {…})`. */
  ask(path: string, body: object, token?: string): Promise<Record<string, unknown>>;
  /** From now on there are users, `NAME:NAME`, with one right each; root may do all. */
  guard(prefix: string, rights: Record<string, Right | undefined>): Promise<void>;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** `gateway: false`: without the JSON gateway. */
export async function startEtcd(o: { gateway?: boolean } = {}): Promise<Etcd> {
  const data = mkdtempSync(join(tmpdir(), "pine-etcd-"));
  const [client, peer] = [await freePort(), await freePort()];
  const [url, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const args = [
    ...["--data-dir", data, "--name", "one", "--initial-cluster", `one=${peers}`],
    ...["--listen-client-urls", url, "--advertise-client-urls", url],
    ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
    ...(o.gateway === false ? ["--enable-grpc-gateway=false"] : []),
  ];
  const { pid, child, ended } = startProcess("etcd", "etcd", args, { cwd: "/", stdio: "ignore" });
  await answers(`${url}/health`, ended);
  const ask = async (path: string, body: object, token?: string) => {
    const headers = { "content-type": "application/json", ...(token ? { authorization: token } : {}) };
    const answer = await fetch(`${url}/v3/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return (await answer.json()) as Record<string, unknown>;
  };
  let token: string | undefined;
  return {
    url,
    pid,
    ask,
    async read(key) {
      const { kvs } = (await ask("kv/range", { key: base64(key) }, token)) as { kvs?: { value: string }[] };
      return kvs && Buffer.from(kvs[0]!.value, "base64").toString();
    },
    async write(key, text) {
      await ask("kv/put", { key: base64(key), value: base64(text) }, token);
    },
    async remove(key) {
      await ask("kv/deleterange", { key: base64(key) }, token);
    },
    async guard(prefix, rights) {
      const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
      await ask("auth/user/add", { name: "root", password: "root" });
      await ask("auth/user/grant", { user: "root", role: "root" });
      for (const [name, permType] of Object.entries(rights)) {
        await ask("auth/role/add", { name });
        if (permType)
          await ask("auth/role/grant", { name, perm: { permType, key: base64(prefix), range_end: base64(end) } });
        await ask("auth/user/add", { name, password: name });
        await ask("auth/user/grant", { user: name, role: name });
      }
      await ask("auth/enable", {});
      token = ((await ask("auth/authenticate", { name: "root", password: "root" })) as { token: string }).token;
    },
    async end() {
      child.kill("SIGKILL");
      await ended;
      rmSync(data, { recursive: true, force: true });
    },
  };
}
