/** The connection and the facts against the lab's Debian 12: one machine for the whole file. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFacts } from "../../provider/host/facts/facts.ts";
import type { Connection } from "../../provider/host/ssh/connection.ts";
import type { SshError } from "../../provider/host/ssh/errors.ts";
import { loginPublicKeys } from "../../provider/host/ssh/keys.ts";
import { openSsh, withSsh } from "../../provider/host/ssh/open.ts";
import { publicKeyOf } from "../../provider/host/ssh/public-key.ts";
import { waitForSsh } from "../../provider/host/ssh/wait.ts";
import { planInstall } from "../../provider/host/ways/plan.ts";
import { run } from "../../provider/local/run.ts";
import { quietTask } from "../../provider/task.ts";
import { startBooted } from "../lab/vps/booted.ts";
import { ensureDebian } from "../lab/vps/debian.ts";
import type { Vps } from "../lab/vps/vps.ts";
import { authLog, failure, left, mentions, showing, strangersKey } from "./hijack-connection-tools.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-connection-"));
const task = quietTask();
let vps: Vps;
let root: Connection;

beforeAll(async () => {
  vps = await startBooted({ base: await ensureDebian(), dir });
  const { host, port, hostKey, privateKey } = vps;
  // a machine without KVM on a busy host answers late
  root = { host, port, user: "root", hostKey, privateKey, perDialTimeout: 90 };
});
afterAll(async () => {
  await vps?.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe("a connection that cannot be", () => {
  it("nobody listens", async () => {
    const error = await failure({ ...root, port: 1 });
    expect(`${error.code}: ${error.message}`).toMatch(/^unreachable: .*Connection refused.*connection\.port/);
  });

  it("another host key: both are named, and no credential was sent", async () => {
    const other = await strangersKey(dir, "other-host");
    let error: SshError | undefined;
    const log = await authLog(vps, async () => {
      error = await failure({ ...root, hostKey: other.public });
    });
    expect(error!.code).toBe("host-key");
    expect(error!.message).toContain(`connection.hostKey: "${publicKeyOf(vps.hostKey)}"`);
    // the server saw a connection that went away before any user was named
    expect(log).toMatch(/Connection (closed|reset) by 10\.0\.2\.2 port \d+ \[preauth\]/);
    expect(mentions(log)).toBe(0);
  });

  it("another key: the server saw the attempt, so the log above would have shown one", async () => {
    const key = await strangersKey(dir, "other-user");
    let error: SshError | undefined;
    const log = await authLog(vps, async () => {
      error = await failure({ ...root, privateKey: key.text });
    });
    expect([error!.code, error!.message]).toEqual(["login", expect.stringContaining("refused connection.privateKey")]);
    expect(mentions(log)).toBeGreaterThan(0);
  });

  it("no host key known, until acceptNewHostKey takes and reports it", async () => {
    const unknown = { ...root, hostKey: undefined };
    const error = await failure(unknown);
    expect([error.code, error.message]).toEqual(["no-host-key", expect.stringContaining("acceptNewHostKey")]);
    await withSsh({ ...unknown, acceptNewHostKey: true }, task, async (ssh) => {
      expect(vps.hostKeys.map(publicKeyOf)).toContain(ssh.hostKeySeen);
    });
  });
});

describe("logins", () => {
  it("nosudo logs in and is refused as root, with what to do", async () => {
    await withSsh({ ...root, user: "nosudo" }, task, async (ssh) => {
      expect([ssh.uid > 0, ssh.rootWay]).toEqual([true, "none"]);
      expect((await ssh.exec("id -un", [], { root: false })).stdout).toBe("nosudo");
      await expect(ssh.exec("id")).rejects.toThrow(
        /nosudo@.*: user nosudo may not become root without a password.*NOPASSWD/,
      );
    });
  });

  it("debian becomes root by sudo, arguments and input arrive whole", async () => {
    await withSsh({ ...root, user: "debian" }, task, async (ssh) => {
      expect(ssh.rootWay).toBe("sudo");
      const odd = ["it's", "$HOME `id`", "two\nlines", ""];
      const r = await ssh.exec('id -u; printf "[%s]" "$@"; cat', odd, { input: "and input" });
      expect(r.stdout).toBe(`0\n${odd.map((w) => `[${w}]`).join("")}and input`);
      const facts = await readFacts(ssh);
      expect([facts.uid, facts.authorizedKeys.login.map(publicKeyOf)]).toEqual([0, await loginPublicKeys(root, task)]);
    });
  });

  it("by password, for sudo too, and not by another", async () => {
    const asks = "echo 'nosudo ALL=(ALL) ALL' >/etc/sudoers.d/asks; chpasswd";
    await vps.ssh(asks, { input: "nosudo:right canary\n" });
    const byPassword = { ...root, user: "nosudo", privateKey: undefined, password: "right canary" };
    await withSsh(byPassword, task, async (ssh) => expect((await ssh.exec("id -u")).stdout).toBe("0"));
    const error = await failure({ ...byPassword, password: "wrong canary" });
    expect([error.code, error.message]).toEqual(["login", expect.stringContaining("refused connection.password")]);
    expect(error.message).not.toContain("canary");
  });

  it("through a jump host with a login of its own", async () => {
    const proxy = { ...root, user: "nosudo" };
    const inside = { ...root, host: "127.0.0.1", port: 22, proxy };
    await withSsh(inside, task, async (ssh) => {
      expect([ssh.uid, ssh.hostKeySeen]).toEqual([0, publicKeyOf(vps.hostKey)]);
    });
    const key = await strangersKey(dir, "other-jump");
    const error = await failure({ ...inside, proxy: { ...proxy, privateKey: key.text } });
    expect([error.code, error.message]).toEqual([
      "login",
      expect.stringMatching(/jump host .*connection\.proxy\.privateKey/),
    ]);
  });
});

it("the facts are those of the machine, and make a plan", async () => {
  await withSsh(root, task, async (ssh) => {
    const facts = await readFacts(ssh);
    expect(facts).toMatchObject({ hostname: "vps", arch: "x86_64", firmware: "bios", bootId: ssh.bootId, uid: 0 });
    expect(facts.os).toMatchObject({ id: "debian", versionId: "12" });
    expect(facts.root).toMatchObject({ device: "/dev/vda2", type: "ext4", kind: "plain", tableType: "gpt" });
    // the same from other tools of the server
    const [ptuuid, uuid] = (
      await vps.ssh("blkid -o value -s PTUUID /dev/vda; blkid -o value -s UUID /dev/vda2")
    ).stdout.split("\n");
    expect([facts.root.tableId, facts.root.uuid]).toEqual([ptuuid, uuid]);
    expect(facts.hostKeys.map(publicKeyOf)).toEqual(expect.arrayContaining(vps.hostKeys.map(publicKeyOf)));
    const result = planInstall(
      facts,
      {
        rootWay: ssh.rootWay,
        user: ssh.user,
        loginKeys: await loginPublicKeys(root, task),
        stack: "lab/test",
        hostKeySeen: ssh.hostKeySeen,
      },
      { arch: "x86_64", sysrootBytes: 83e6, unpackedBytes: 142e6, about: true, compression: "gzip" },
    );
    expect(result.refusals).toEqual([]);
    expect(result.plan!.summary).toMatch(/^alongside Debian 12 on vda2 .*keeps 10\.0\.2\.15\/24 via 10\.0\.2\.2/);
  });
});

describe("what travels", () => {
  it("an upload arrives whole, with its progress", async () => {
    const bytes = randomBytes(6_000_000);
    const told: number[] = [];
    await withSsh(root, task, async (ssh) => {
      const r = await ssh.upload(bytes, "sha256sum", [], { size: bytes.length, onProgress: (n) => told.push(n) });
      expect(r.stdout.split(" ")[0]).toBe(createHash("sha256").update(bytes).digest("hex"));
    });
    expect(told.at(-1)).toBe(bytes.length);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  it("a script that fails says why, one that lasts is given up on, and the connection stays", async () => {
    await withSsh(root, task, async (ssh) => {
      await expect(ssh.upload(randomBytes(3e6), "echo no space >&2; exit 3")).rejects.toMatchObject({
        exitCode: 3,
        stderr: "no space",
      });
      await expect(ssh.exec("sleep 60", [], { timeout: 4000, what: "sleeping" })).rejects.toThrow(
        /sleeping .* longer than 4 s/,
      );
      expect((await ssh.exec("exit 255", [], { ok: [255] })).exitCode).toBe(255);
      expect((await ssh.exec("echo still here")).stdout).toBe("still here");
    });
  });

  it("a connection that is lost in the middle is told from a script that failed", async () => {
    await withSsh(root, task, async (ssh) => {
      const error = await ssh.exec("kill -9 $PPID; sleep 30", [], { what: "working" }).catch((e) => e);
      expect([error.code, error.message]).toEqual(["lost", expect.stringContaining("was lost while working")]);
      // never another connection by itself: it might be to another boot
      await expect(ssh.exec("true")).rejects.toMatchObject({ code: "lost" });
    });
    expect(left()).toEqual([]);
  });

  it("no secret shows in a process list or an environment, here or there", async () => {
    const phrase = `canary-${randomBytes(8).toString("hex")}`;
    const file = join(dir, "locked");
    writeFileSync(file, vps.privateKey, { mode: 0o600 });
    await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", phrase, "-f", file]);
    const locked = readFileSync(file, "utf8");
    await withSsh({ ...root, privateKey: locked, privateKeyPassword: phrase }, task, async (ssh) => {
      const argument = `canary-${randomBytes(8).toString("hex")}`;
      // the pattern is put together there, so that grep does not find itself
      const running = ssh.exec('sleep 8; printf "%s" "$1"', [argument], { input: "x" });
      await sleep(2000);
      expect(left().length).toBeGreaterThan(1);
      for (const secret of [phrase, locked.split("\n")[2]!, argument]) expect(showing(secret)).toEqual([]);
      const there = await ssh.exec('cd /proc; grep -slF "$(cat)" [0-9]*/cmdline [0-9]*/environ; true', [], {
        input: argument,
      });
      expect(there.stdout).toBe("");
      expect((await running).stdout).toBe(argument);
    });
    expect(left()).toEqual([]);
  });

  it("an abort leaves no process and no folder", async () => {
    const abort = new AbortController();
    const ssh = await openSsh(root, quietTask(abort.signal));
    const endless = ssh.exec("sleep 300").catch((e) => e);
    const upload = ssh.upload(randomBytes(50e6), "sleep 300").catch((e) => e);
    await sleep(1500);
    expect(left().length).toBeGreaterThan(1);
    abort.abort();
    expect([(await endless).name, (await upload).name]).toEqual(["AbortError", "AbortError"]);
    await expect.poll(left, { timeout: 60_000 }).toEqual([]);
    await ssh.close();
    const early = new AbortController(); // while it is being opened, too
    const opening = openSsh(root, quietTask(early.signal)).catch((e) => e);
    setTimeout(() => early.abort(), 150);
    expect((await opening).name).toBe("AbortError");
    expect(left()).toEqual([]);
  });
});

describe("waiting for a reboot", () => {
  it("takes another boot only", async () => {
    const before = await withSsh(root, task, async (ssh) => ssh.bootId);
    await expect(waitForSsh(root, task, { timeoutMs: 3000, notBootId: before, everyMs: 200 })).rejects.toThrow(
      /did not come back within 3 s/,
    );
    await vps.cut();
    await vps.boot();
    const ssh = await waitForSsh(root, task, { timeoutMs: 400_000, notBootId: before });
    expect(ssh.bootId).not.toBe(before);
    await ssh.close();
  });

  it("stops at once at another host key", async () => {
    const other = await strangersKey(dir, "other-wait");
    const waiting = waitForSsh({ ...root, hostKey: other.public }, task, { timeoutMs: 3_600_000 });
    await expect(waiting).rejects.toMatchObject({ code: "host-key" });
  });
});
