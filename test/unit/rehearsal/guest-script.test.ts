/** The script in a rehearsal's machine, in both shells: real ports, and a runlevel and checks of the test's own. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asset } from "../../../provider/assets.ts";
import { parseReport } from "../../../provider/rehearsal/report.ts";

const work = mkdtempSync(join(tmpdir(), "rehearsal-guest-"));
const servers: Server[] = [];
const listen = async (greeting: string): Promise<number> => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (greeting) socket.write(greeting);
    else socket.end();
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
};
let [ssh, silent, closed] = [0, 0, 0];

beforeAll(async () => {
  ssh = await listen("SSH-2.0-dropbear_2025.88\r\n");
  silent = await listen("");
  closed = await listen("");
  await new Promise((done) => servers.pop()!.close(done));
});
afterAll(async () => {
  for (const server of servers) await new Promise((done) => server.close(done));
  rmSync(work, { recursive: true });
});

const program = (path: string, text: string) => {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
};

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  const [file, ...args] = shell as [string, ...string[]];
  /** Runs it on a machine whose runlevel is complete after a moment. */
  async function on(health: string, o: { leftOut?: string; seconds?: number; complete?: boolean } = {}) {
    const root = mkdtempSync(join(work, "m-"));
    const at = (...names: string[]) => join(root, ...names);
    for (const dir of ["bin", "run/openrc/starting", "run/openrc/started", "etc/runlevels/default"])
      mkdirSync(at(dir), { recursive: true });
    symlinkSync("/usr/bin/busybox", at("bin/nc"));
    for (const service of ["web", "db"]) writeFileSync(at("etc/runlevels/default", service), "");
    writeFileSync(at("run/openrc/started/web"), "");
    writeFileSync(at("run/openrc/starting/db"), "");
    writeFileSync(at("keys"), "ssh-ed25519 AAAA me\n", { mode: 0o600 });
    program(at("health"), health);
    program(at("poweroff"), `echo "$@" >${at("off")}`);
    const env = {
      PATH: `${at("bin")}:${process.env.PATH}`,
      PINE_RUN: at("run"),
      PINE_ETC: at("etc"),
      PINE_HEALTH: at("health"),
      PINE_KEYS: at("keys"),
      PINE_REPORT: at("report"),
      PINE_POWEROFF: at("poweroff"),
      PINE_TRIES: "2",
      PINE_PAUSE: "1",
      ROOT: root,
    };
    const script = asset("rehearsal/guest.sh");
    const given = [`${ssh} ${silent} ${closed}`, o.leftOut ?? "", String(o.seconds ?? 0), "10"];
    const child = spawn(file, [...args, script, ...given], { env, stdio: ["ignore", "ignore", "inherit"] });
    const ended = new Promise((done) => child.once("exit", done));
    if (o.complete === false) {
      const told = () => existsSync(at("report")) && readFileSync(at("report"), "utf8");
      await expect.poll(told, { timeout: 50_000 }).toMatch(/db(.*\n)+.*db/);
      child.kill("SIGKILL");
    } else {
      await sleep(300);
      rmSync(at("run/openrc/starting/db"));
      writeFileSync(at("run/pine.completed"), "");
    }
    await ended;
    const text = readFileSync(at("report"), "utf8");
    return { text, report: parseReport(text), off: existsSync(at("off")) && readFileSync(at("off"), "utf8") };
  }

  test("tells of ports, keys, addresses, services that do not run, and turns the machine off", async () => {
    const { report, off } = await on('echo "checked=x ran=1 of=1 result=green"; echo "web ok 0.10 slow=$PINE_SLOW"');
    expect(report.health?.checks).toEqual([{ name: "web", state: "ok", text: "slow=10" }]);
    expect(report).toMatchObject({ ended: true, stopped: ["db"], health: { result: "green" } });
    expect(report.addresses).toContainEqual({ card: "lo", address: "127.0.0.1" });
    expect([ssh, silent, closed].map((port) => report.ssh.get(port))).toEqual([
      "SSH-2.0-dropbear_2025.88",
      "listening",
      "",
    ]);
    const sum = createHash("sha256").update("ssh-ed25519 AAAA me\n").digest("hex");
    expect(report.keys).toEqual({ sha256: sum, mode: "600", owner: "root" });
    expect(off).toBe("-f\n");
  });

  const slowly = `echo "checked=x ran=1 of=1 result=red"; if [ -e "$ROOT/up" ]; then echo "web ok 0.10"; else echo "web red 0.10 no connection"; fi; : >"$ROOT/up"`;
  test("looks again while a check is red, for as long as it is told", async () => {
    const again = await on(slowly, { seconds: 60 });
    expect(again.report.health?.checks).toEqual([{ name: "web", state: "ok", text: "" }]);
    expect(again.text.match(/^looked$/gm)).toHaveLength(2);
    const once = await on(slowly);
    expect(once.report.health?.checks).toEqual([{ name: "web", state: "red", text: "no connection" }]);
  });

  test("does not look again for checks that do not count, or that only warn", async () => {
    const red = 'echo "checked=x result=red"; echo "out red 2.00 no connection"; echo "room warn 0.01 full"';
    const { text } = await on(red, { leftOut: "x out y", seconds: 60 });
    expect(text.match(/^looked$/gm)).toHaveLength(1);
  });

  test("a runlevel that is never complete: what is starting is told every few seconds", async () => {
    const { report, off } = await on("exit 1", { complete: false });
    expect(report).toMatchObject({ ended: false, starting: ["db"] });
    expect(report.completed).toBeUndefined();
    expect(off).toBe(false);
  });
});
