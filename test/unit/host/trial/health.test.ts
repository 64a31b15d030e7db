/** Health checks as servers run them: `probe` by busybox with its wget and nc, against a small server here. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as httpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assetText } from "../../../../provider/assets.ts";
import { type Probe, probeArguments } from "../../../../provider/boot/probe.ts";

const work = mkdtempSync(join(tmpdir(), "pine-health-"));
const bin = join(work, "bin");
mkdirSync(bin);
for (const name of ["sh", "timeout", "sed", "grep", "tail", "head", "cat", "df", "awk"])
  symlinkSync("/bin/busybox", join(bin, name));
const program = (name: string, text: string) => {
  rmSync(join(bin, name), { force: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
};
// Debian's busybox has no -T and no -z, Alpine's has: e2e/returning asks with those
program("wget", 'shift 4; exec /bin/busybox wget -S -q "$@"');
program("nc", 'exec /bin/busybox nc -w 5 "$2" "$3"');
// OpenRC is not here: what it says, and how it exits
program("rc-service", 'echo " * status: $1"; [ "$1" = started ]');

const web = httpServer((request, response) => {
  const status = Number(/\d+/.exec(request.url!)?.[0] ?? 200);
  const headers: Record<string, string> = status === 302 ? { location: "/200" } : {};
  if (request.url === "/header") headers["x-note"] = "the body fits";
  response.writeHead(status, headers);
  if (request.url === "/endless") {
    const chunk = Buffer.alloc(1 << 16, "x\n");
    const more = () => {
      while (!response.destroyed) if (!response.write(chunk)) return response.once("drain", more);
    };
    more();
    return;
  }
  response.end("hello, canary");
});
const [mute, gone] = [createServer(), createServer()];
const listen = (server: Server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
const portOf = (server: Server) => (server.address() as AddressInfo).port;
let closed: number;
beforeAll(async () => {
  for (const server of [web, mute, gone]) await listen(server);
  closed = portOf(gone);
  await new Promise((done) => gone.close(done));
});
afterAll(async () => {
  web.closeAllConnections();
  for (const server of [web, mute]) await new Promise((done) => server.close(done));
  rmSync(work, { recursive: true });
});

/** The script's exit code and its last line. */
function check(of: Probe, more = {}): Promise<[number | null, string]> {
  const child = spawn("/bin/busybox", ["sh", "-s", ...probeArguments(of)], {
    env: { PATH: bin, TMPDIR: work, ...more },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(assetText("system/rootfs/usr/libexec/pine/probe"));
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += chunk;
  });
  return new Promise((done) => child.on("close", (code) => done([code, said.trim().split("\n").pop()!])));
}
const at = (path: string) => `http://127.0.0.1:${portOf(web)}${path}`;

describe("http", () => {
  it.each<[string, () => Probe, [number, string]]>([
    ["200 is what is expected", () => ({ http: at("/") }), [0, ""]],
    ["with its text", () => ({ http: at("/"), contains: "hello" }), [0, ""]],
    ["a status that is asked for", () => ({ http: at("/404"), status: 404 }), [0, ""]],
    ["another status", () => ({ http: at("/503") }), [1, "status 503, expected 200"]],
    ["200 where another is asked for", () => ({ http: at("/"), status: 204 }), [1, "status 200, expected 204"]],
    [
      "without its text",
      () => ({ http: at("/"), contains: "a canary-7f" }),
      [1, "the body does not contain the expected text"],
    ],
    [
      "a text that is no pattern",
      () => ({ http: at("/"), contains: "h.llo" }),
      [1, "the body does not contain the expected text"],
    ],
    [
      "nobody there",
      () => ({ http: `http://127.0.0.1:${closed}/canary` }),
      [1, "status none (connection refused), expected 200"],
    ],
  ])("%s", async (_, of, expected) => expect((await check(of())).map(lower)).toEqual(expected));
  it("nothing is kept of a body that never ends, and 10 MiB of it are read", async () => {
    expect(await check({ http: at("/endless"), contains: "a canary-7f" })).toEqual([
      1,
      "the body does not contain the expected text",
    ]);
  });
  it("a header is no part of the body", async () =>
    expect(await check({ http: at("/header"), contains: "the body fits" })).toEqual([
      1,
      "the body does not contain the expected text",
    ]));
  it("whoever has a limit of its own ends it: no other one counts", async () => {
    program("timeout", "echo canary >&2; exit 1");
    try {
      expect(await check({ http: at("/"), contains: "hello" }, { PINE_LIMIT: "10" })).toEqual([0, ""]);
      expect((await check({ http: at("/"), contains: "hello" }))[0]).toBe(1);
    } finally {
      rmSync(join(bin, "timeout"));
      symlinkSync("/bin/busybox", join(bin, "timeout"));
    }
  });
  it("leaves nothing behind", () => expect(readdirSync(work)).toEqual(["bin"]));
});
const lower = (x: number | string | null) => (typeof x === "string" ? x.replace("Connection", "connection") : x);

describe("tcp, command, service, space", () => {
  it.each<[string, () => Probe, [number, string]]>([
    ["a port that takes connections", () => ({ tcp: `127.0.0.1:${portOf(mute)}` }), [0, ""]],
    ["one that does not", () => ({ tcp: `127.0.0.1:${closed}` }), [1, "no connection"]],
    ["a command", () => ({ command: "echo canary; [ 1 = 1 ]" }), [0, ""]],
    ["one that fails: its words may hold a secret", () => ({ command: "echo canary; exit 7" }), [1, "exit code 7"]],
    ["a command reads nothing of ours", () => ({ command: '[ -z "$(cat <&0 2>/dev/null)" ]' }), [0, ""]],
    ["a service", () => ({ service: "started" }), [0, ""]],
    ["space that is there", () => ({ freeSpace: { path: "/", mib: 1 } }), [0, ""]],
    [
      "a path that is not there",
      () => ({ freeSpace: { path: "/nowhere", mib: 1 } }),
      [1, "the free space is not to be seen"],
    ],
    ["one that is not started", () => ({ service: "crashed" }), [1, "the service is crashed"]],
  ])("%s", async (_, of, expected) => expect(await check(of())).toEqual(expected));
  it("space that is not there", async () =>
    expect(await check({ freeSpace: { path: "/", mib: 999_999_999 } })).toEqual([
      1,
      expect.stringMatching(/^\d+ MiB are free, expected 999999999$/),
    ]));
});
