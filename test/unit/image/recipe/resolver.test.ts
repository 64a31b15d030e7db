/** A resolver on the server that may be away: extras/resolver, with a made-up one, in both shells (20: consul#5204). */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asset } from "../../../../provider/assets.ts";
import { run } from "../../../../provider/local/run.ts";

const script = asset("system/extras/resolver/usr/libexec/pine/resolver");
const USUAL = "search example.com\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n";
let dir = "";
let child: ChildProcess | undefined;
const at = (name: string) => join(dir, name);
const conf = () => readFileSync(at("resolv.conf"), "utf8");
const settings = () => ({
  PATH: `${at("bin")}:${process.env.PATH}`,
  RESOLVER_FILE: at("resolv.conf"),
  RESOLVER_KEPT: at("kept"),
  RESOLVER_LOOP: "0.05",
});
const until = async (what: string, done: () => boolean) => {
  for (let n = 0; !done(); n++) {
    if (n > 400) throw new Error(`not ${what}: ${conf()}`);
    await new Promise((go) => setTimeout(go, 25));
  }
};
const program = (name: string, text: string) => {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${text}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
};
const alive = (is: boolean) => (is ? writeFileSync(at("alive"), "") : rmSync(at("alive"), { force: true }));

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pine-resolver-"));
  mkdirSync(at("bin"));
  program("nslookup", `echo "$*" >>${at("asked")}; [ -e ${at("alive")} ]`);
  program("logger", `echo "$*" >>${at("log")}`);
  writeFileSync(at("resolv.conf"), USUAL);
  alive(true);
});
afterEach(() => {
  if (child?.pid && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, "SIGKILL");
  child = undefined;
  rmSync(dir, { recursive: true });
});

describe.each([["dash"], ["busybox", "sh"]])("by %s", (...shell) => {
  const start = () => {
    child = spawn(shell[0]!, [...shell.slice(1), script], { env: settings(), detached: true, stdio: "ignore" });
  };
  const normal = () => run(shell[0]!, [...shell.slice(1), script, "normal"], { env: settings(), extendEnv: true });
  const local = () => /^# pine-resolver.*\nnameserver 127\.0\.0\.1\nsearch example\.com\n$/.test(conf());

  test("it is asked while it answers, the usual ones when it is away, and it again when it is back", async () => {
    start();
    await until("local", local);
    expect(readFileSync(at("asked"), "utf8").split("\n")[0]).toBe("consul.service.consul 127.0.0.1");
    alive(false);
    await until("the usual", () => conf() === USUAL);
    alive(true);
    await until("local again", local);
  });
  test("the end of the service gives the usual ones back", async () => {
    start();
    await until("local", local);
    process.kill(-child!.pid!, "SIGKILL");
    await normal();
    expect(conf()).toBe(USUAL);
  });
  test("what a person writes is theirs, alive or not, and at the end", async () => {
    start();
    await until("local", local);
    const theirs = "nameserver 198.51.100.7\n";
    writeFileSync(at("resolv.conf"), theirs);
    await until(
      "told",
      () => existsSync(at("log")) && /was changed by somebody else/.test(readFileSync(at("log"), "utf8")),
    );
    alive(false);
    await new Promise((go) => setTimeout(go, 500));
    process.kill(-child!.pid!, "SIGKILL");
    await normal();
    expect(conf()).toBe(theirs);
  });
  test("there may be nothing but nameservers", async () => {
    const bare = "nameserver 192.0.2.1\n";
    writeFileSync(at("resolv.conf"), bare);
    start();
    await until("local", () => /^# pine-resolver.*\nnameserver 127\.0\.0\.1\n$/.test(conf()));
    alive(false);
    await until("the usual", () => conf() === bare);
  });
  test("without any nameserver nothing is changed", async () => {
    writeFileSync(at("resolv.conf"), "");
    start();
    await new Promise((done) => child!.on("exit", done));
    expect(conf()).toBe("");
  });
  test("killed at any moment: one of the two files, whole; and the next start goes on", async () => {
    for (let n = 0; n < 20; n++) {
      alive(n % 2 === 0);
      start();
      await new Promise((go) => setTimeout(go, 20 + n * 9));
      process.kill(-child!.pid!, "SIGKILL");
      expect(conf() === USUAL || local(), conf()).toBe(true);
    }
    alive(false);
    start();
    await until("the usual", () => conf() === USUAL);
    expect(readdirSync(dir).filter((name) => name.includes("resolv"))).toHaveLength(1);
  });
});
