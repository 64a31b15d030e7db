/**
 * A mirror that asks for a password, behind a proxy that asks for one, by the plain CLI: what is built is there, and
 * the passwords are in nothing that is kept, told or seen by others. Shown in logs and state by
 * chainguard-dev/apko#1139, pulumi-docker#643, pulumi-azure-native#1309.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestOptions, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeTree } from "../../provider/image/namespace/run-in.ts";
import { buildIndex, buildPackage as makePackage } from "../lab/mirror/apk-format.ts";
import { labKey } from "../lab/mirror/cache.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { type MirrorServer, serveMirror } from "../lab/mirror/server.ts";
import { Project } from "./hijack-cli.ts";

const work = mkdtempSync(join(tmpdir(), "pine-password-"));
const MIRRORS = `canary${randomBytes(8).toString("hex")}`;
const OWNS = `canary${randomBytes(8).toString("hex")}`;
const PROXYS = `hidden${randomBytes(8).toString("hex")}`;
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
const ROOTFS = "urn:pulumi:test::pine-server-yaml::pine:index:Rootfs::rootfs";
let mirror: MirrorServer;
let front: Server;
let own: Server;
let proxy: Server;
let project: Project;
const through: string[] = [];

/** Asks another server, by a connection of its own: one that is kept may end just when it is taken. */
const onward = (o: RequestOptions, r: ServerResponse) =>
  request({ ...o, agent: false }, (a) => {
    r.writeHead(a.statusCode!, a.headers);
    a.pipe(r);
  })
    .on("error", () => r.destroy())
    .end();

const listen = async (server: Server) => {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  const tree = await ensureMirror();
  mirror = await serveMirror(tree);
  front = createServer((q, r) => {
    if (q.headers.authorization !== basic(`ann:${MIRRORS}`)) return r.writeHead(401).end();
    const { port, pathname } = new URL(q.url!, mirror.url);
    onward({ port, path: pathname, headers: q.headers }, r);
  });
  proxy = createServer((q, r) => {
    if (q.headers["proxy-authorization"] !== basic(`bob:${PROXYS}`)) return r.writeHead(407).end();
    through.push(q.url!);
    // their names are known to the proxy alone
    const { hostname, pathname } = new URL(q.url!);
    const to = hostname === "own.example" ? own : front;
    onward({ port: (to.address() as AddressInfo).port, path: pathname, headers: q.headers }, r);
  });
  const key = await labKey();
  const files = [{ path: "usr/share/own", content: "own\n" }];
  const built = await makePackage({ name: "own", version: "1.0-r0", description: "own", files }, key);
  const index = await buildIndex([built.index], "own", key);
  own = createServer((q, r) => {
    if (q.headers.authorization !== basic(`bot:${OWNS}`)) return r.writeHead(401).end();
    r.end(q.url === "/own/x86_64/APKINDEX.tar.gz" ? index : built.bytes);
  });
  await listen(own);
  await listen(front);
  const port = await listen(proxy);
  project = new Project(work);
  mkdirSync(join(work, "cache"));
  Object.assign(project.env, {
    HTTP_PROXY: `http://bob:${PROXYS}@127.0.0.1:${port}`,
    NO_PROXY: "127.0.0.1",
    XDG_CACHE_HOME: join(work, "cache"),
  });
  await project.simple(["stack", "init", "test"]);
  await project.set({
    target: "container",
    host: "192.0.2.1",
    hostKey: "ssh-ed25519 AAAA",
    "pine:store": join(work, "store"),
    "pine:repositoryKeys": JSON.stringify(tree.keys),
  });
  await project.secret("token", "of no importance");
  await project.secret("privateKey", "none");
});
afterAll(async () => {
  project?.end();
  for (const server of [front, own, proxy]) {
    server?.closeAllConnections();
    server?.close();
  }
  await mirror?.close();
  await removeTree(work);
  rmSync(work, { recursive: true, force: true });
});

/** Where a text is, of everything in a folder. */
function filesWith(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name))
    .filter((path) => readFileSync(path).includes(text));
}

test("what is built is there, and both passwords are nowhere", async () => {
  await project.secret("pine:mirror", `http://ann:${MIRRORS}@mirror.example/alpine`);
  const running = project.start(["up", "--skip-preview", "--target", ROOTFS]);
  const seen = new Set<string>();
  let over = false;
  const watching = (async () => {
    // what other users of this machine see of processes: their arguments
    for (; !over; await sleep(50))
      for (const pid of readdirSync("/proc").filter((n) => /^\d+$/.test(n))) {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, "latin1");
          if (line.includes(MIRRORS) || line.includes(PROXYS)) seen.add(line);
        } catch {
          // ended
        }
      }
  })();
  const { exitCode, output } = await running.ended;
  over = true;
  await watching;
  expect(exitCode, output).toBe(0);
  expect(through.some((url) => /^http:\/\/mirror\.example\/alpine\/v3\.23\/main\/.*\.apk$/.test(url))).toBe(true);
  const rootfs = (await project.state()).find((r) => r.type === "pine:index:Rootfs");
  expect(rootfs?.inputs.mirror).toBe("http://mirror.example/alpine");
  expect([...seen]).toEqual([]);
  for (const text of [MIRRORS, PROXYS, basic(`ann:${MIRRORS}`).slice(6)]) {
    expect(project.logs.filter((log) => log.includes(text))).toEqual([]);
    expect(filesWith(work, text)).toEqual([]);
  }
  // a sound watch: what is there is found
  expect(filesWith(work, "mirror.example").length).toBeGreaterThan(0);
});

test("another password is told by the mirror's own word", async () => {
  await project.secret("pine:mirror", `http://ann:${MIRRORS}x@mirror.example/alpine`);
  await project.set({ packages: ["lighttpd", "tree"] });
  const { exitCode, output } = await project.run(["preview", "--target", ROOTFS]);
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(/mirror\.example.*answers 401 Unauthorized; the mirror asks for a user and a password/);
  expect(output).not.toContain(MIRRORS);
});

test("of a configuration in clear Pulumi's own records have it, and the state has it as a secret", async () => {
  await project.set({ "pine:mirror": `http://ann:${MIRRORS}@mirror.example/alpine` });
  await project.ok(["up", "--skip-preview", "--target", ROOTFS]);
  expect(filesWith(join(work, ".backend", ".pulumi", "stacks"), MIRRORS)).toEqual([]);
  expect(filesWith(join(work, "store"), MIRRORS)).toEqual([]);
});

/** The program names a repository of one's own. */
function repository(address: string): void {
  const file = join(project.dir, "Pulumi.yaml");
  const text = readFileSync(file, "utf8").replace(/^ {6}repositories: .*\n/m, "");
  const asked = /^ {6}packages: .*\n/m;
  expect(text).toMatch(asked);
  writeFileSync(
    file,
    text.replace(asked, (line) => `${line}      repositories: [main, community, "${address}"]\n`),
  );
}

test("a repository of one's own has a password of its own, which is nowhere either", async () => {
  repository("http://own.example/own");
  await project.secret("pine:mirror", `http://ann:${MIRRORS}@mirror.example/alpine`);
  await project.set({ packages: ["lighttpd", "own"] });
  const without = await project.run(["preview", "--target", ROOTFS]);
  expect(without.output).toMatch(/own\.example.*answers 401 Unauthorized.*pine:credentials/);
  await project.secret("pine:credentials", JSON.stringify({ "http://own.example/own": `bot:${OWNS}` }));
  await project.ok(["up", "--skip-preview", "--target", ROOTFS]);
  const rootfs = (await project.state()).find((r) => r.type === "pine:index:Rootfs");
  expect(rootfs?.outputs.lockedPackages).toContainEqual(
    expect.objectContaining({ name: "own", repository: "http://own.example/own" }),
  );
  for (const text of [OWNS, basic(`bot:${OWNS}`).slice(6)]) {
    expect(project.logs.filter((log) => log.includes(text))).toEqual([]);
    expect(filesWith(work, text)).toEqual([]);
  }
});

test("a password in a repository's address is refused, and not shown", async () => {
  for (const address of [`http://bot:${OWNS}@own.example/own`, `http://bot:${OWNS}@own.example/o wn`]) {
    repository(address);
    const { exitCode, output } = await project.run(["preview", "--target", ROOTFS]);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/repositories\[2\].* expected a/);
    expect(output).not.toContain(OWNS);
  }
});
