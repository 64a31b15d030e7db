/**
 * Every kind of login against a Debian of the lab (PINE_RELEASE): what works becomes root, what does not says what to
 * do.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFacts } from "../../provider/host/facts/facts.ts";
import type { Connection } from "../../provider/host/ssh/connection.ts";
import { SshError } from "../../provider/host/ssh/errors.ts";
import { openSsh, withSsh } from "../../provider/host/ssh/open.ts";
import { publicKeyOf } from "../../provider/host/ssh/public-key.ts";
import { run } from "../../provider/local/run.ts";
import { Unknown } from "../../provider/properties/values.ts";
import { hostHijack } from "../../provider/resources/hijack/host-hijack.ts";
import { quietTask } from "../../provider/task.ts";
import { startProcess } from "../lab/processes.ts";
import { startBooted } from "../lab/vps/booted.ts";
import { ensureDebian } from "../lab/vps/debian.ts";
import { addLogins } from "../lab/vps/logins.ts";
import type { Vps } from "../lab/vps/vps.ts";
import { authLog, knowing, left, showing, strangersKey } from "./hijack-connection-tools.ts";
import { labRelease } from "./hijack-lab.ts";
import { Life } from "./life.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-logins-"));
const task = quietTask();
// what a shell, sudo's own escapes and ssh might trip over
const PASSWORD = `canary "it's" $HOME %u \`id\` ${randomBytes(6).toString("hex")}`;
let vps: Vps;
let root: Connection;

beforeAll(async () => {
  const log = (line: string) => process.stderr.write(`  logins: ${line}\n`);
  vps = await startBooted({ base: await ensureDebian(log, labRelease()), dir, log });
  const { host, port, hostKey, privateKey } = vps;
  root = { host, port, user: "root", hostKey, privateKey, perDialTimeout: 90 };
  await addLogins(vps, PASSWORD);
  // more servers on it: another port, and one that takes passwords by keyboard-interactive only
  for (const args of ["-p 2222", "-p 2223 -o PasswordAuthentication=no -o ChallengeResponseAuthentication=yes"])
    expect((await vps.ssh(`/usr/sbin/sshd ${args}`)).exitCode).toBe(0);
});
afterAll(async () => {
  await vps?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const as = (user: string, more: Partial<Connection> = {}): Connection => ({ ...root, user, ...more });
const failure = async (c: Connection): Promise<SshError> => {
  const error = await openSsh(c, task).catch((e) => e);
  expect(error, `${error}`).toBeInstanceOf(SshError);
  expect(error.message).not.toContain("canary");
  return error;
};
/** Attempts that the server's log counts: of sudo's or sshd's PAM, and sshd's own word for a password. */
const attempts = (log: string, service: string) =>
  log.split("\n").filter((l) => l.includes(`pam_unix(${service}:auth): authentication failure`)).length;
const journal = (work: () => Promise<unknown>) => authLog(vps, work, "");

describe("who becomes root", () => {
  it.each<[string, string, Partial<Connection>]>([
    ["sudo without a password", "debian", {}],
    ["sudo without a password, which is given all the same", "debian", { password: PASSWORD }],
    ["sudo with the password, login by key", "sudopw", { password: PASSWORD }],
    ["sudo with the password, login by it too", "sudopw", { password: PASSWORD, privateKey: undefined }],
    ["doas without a password", "doasnp", {}],
    ["doas without a password, login by one", "doasnp", { password: PASSWORD, privateKey: undefined }],
  ])("%s", async (_, user, more) => {
    const bytes = randomBytes(3_000_000);
    const odd = ["it's", "$HOME `id`", "two\nlines", ""];
    await withSsh(as(user, more), task, async (ssh) => {
      expect([ssh.rootWay, ssh.notRoot]).toEqual([user.startsWith("doas") ? "doas" : "sudo", undefined]);
      const r = await ssh.exec('id -u; printf "[%s]" "$@"; cat; echo warned >&2', odd, { input: "and input" });
      expect(r).toMatchObject({ stdout: `0\n${odd.map((w) => `[${w}]`).join("")}and input`, stderr: "warned" });
      const sent = await ssh.upload(bytes, "sha256sum; exit 7", [], { size: bytes.length, ok: [7] });
      expect(sent.stdout.split(" ")[0]).toBe(createHash("sha256").update(bytes).digest("hex"));
      await expect(ssh.upload(bytes, "echo no space >&2; exit 3")).rejects.toMatchObject({
        exitCode: 3,
        stderr: "no space",
      });
      const empty = await ssh.exec("cat; id -un", [], { root: true });
      expect(empty.stdout).toBe("root");
      expect((await readFacts(ssh)).uid).toBe(0);
    });
  });

  it("the password shows nowhere, here or there", async () => {
    const log = await journal(async () => {
      await withSsh(as("sudopw", { password: PASSWORD }), task, async (ssh) => {
        const running = ssh.exec("sleep 8; cat", [], { input: "x" });
        await sleep(3000);
        expect(left().length).toBeGreaterThan(1);
        expect(showing(PASSWORD)).toEqual([]);
        const there = await vps.ssh('cd /proc; grep -slF "$(cat)" [0-9]*/cmdline [0-9]*/environ; true', {
          input: PASSWORD,
        });
        expect(there.stdout).toBe("");
        expect((await running).stdout).toBe("x");
      });
    });
    expect(log).toMatch(/sudopw : .*COMMAND=/); // sudo writes its commands down
    expect(log).not.toContain("canary");
  });
});

describe("who does not, and what to do", () => {
  it.each<[string, string, Partial<Connection>, RegExp]>([
    ["no rights at all", "nosudo", {}, /asks for one; set connection\.password .*NOPASSWD/],
    ["no rights at all, password given", "nosudo", { password: PASSWORD }, /not in sudoers.*log in as root, or let it/],
    [
      "sudo wants a password, none is given",
      "sudopw",
      {},
      /without a password: sudo asks for one; set connection\.pass/,
    ],
    ["sudo allows one command", "sudosome", { password: PASSWORD }, /only some commands.*NOPASSWD: ALL/],
    ["sudo wants a terminal", "sudotty", {}, /requiretty.*Defaults:sudotty !requiretty/],
    ["doas wants a password", "doaspw", {}, /doas asks for one, .*only from a terminal; .*permit nopass doaspw/],
  ])("%s", async (_, user, more, text) => {
    await withSsh(as(user, more), task, async (ssh) => {
      expect([ssh.uid > 0, ssh.rootWay]).toEqual([true, "none"]);
      expect(`${ssh.notRoot!.message}; ${ssh.notRoot!.hint}`).toMatch(text);
      expect((await ssh.exec("id -un", [], { root: false })).stdout).toBe(user);
      const error = await ssh.exec("id").catch((e) => e);
      expect([error.code, error.message]).toEqual(["not-root", expect.stringMatching(text)]);
    });
  });

  it("a wrong password for sudo: one attempt, and nothing of a script is taken for another", async () => {
    let error: SshError | undefined;
    const log = await journal(async () => {
      error = await failure(as("sudopw", { password: "canary no" }));
      // another resource of the same run
      expect((await failure(as("sudopw", { password: "canary no" }))).message).toBe(error.message);
    });
    expect([error!.code, error!.message]).toEqual([
      "sudo",
      expect.stringMatching(/sudo on .* refused connection\.password .*user sudopw; .*tried once/),
    ]);
    expect(attempts(log, "sudo")).toBe(1);
    expect(log).toContain("1 incorrect password attempt");
    expect(log).not.toContain("canary");
  });

  it.each([
    ["password", 2222],
    ["keyboard-interactive", 2223],
  ])("a wrong password for the login, by %s: one attempt; the right one logs in", async (_, port) => {
    const inside = { host: "127.0.0.1", port, privateKey: undefined, proxy: { ...root, user: "nosudo" } };
    let error: SshError | undefined;
    const log = await journal(async () => {
      error = await failure(as("sudopw", { ...inside, password: "canary no" }));
    });
    expect([error!.code, error!.message]).toEqual(["login", expect.stringContaining("refused connection.password")]);
    expect(attempts(log, "sshd")).toBe(1);
    await withSsh(as("sudopw", { ...inside, password: PASSWORD }), task, async (ssh) => {
      expect((await ssh.exec("id -u")).stdout).toBe("0");
      expect((await ssh.exec("echo $SSH_CONNECTION", [], { root: false })).stdout).toMatch(new RegExp(` ${port}$`));
    });
  });
});

describe("keys from an agent", () => {
  it("log in, beside a password for sudo; another agent's do not", async () => {
    const [good, bad] = [join(dir, "good.sock"), join(dir, "bad.sock")];
    const other = await strangersKey(dir, "other-agent");
    for (const [socket, key] of [
      [good, vps.privateKey],
      [bad, other.text],
    ] as const) {
      startProcess("ssh-agent", "ssh-agent", ["-D", "-a", socket], { cwd: dir, stdio: "ignore" });
      const env = { PATH: process.env.PATH!, SSH_AUTH_SOCK: socket };
      for (let n = 0; ; n++) {
        const added = await run("ssh-add", ["-q", "-"], { env, input: key, ok: [0, 1, 2] });
        if (added.exitCode === 0) break;
        expect(n, added.stderr).toBeLessThan(100);
        await sleep(100);
      }
    }
    const agent = (socket: string) => ({ privateKey: undefined, agentSocketPath: socket });
    await withSsh(as("root", agent(good)), task, async (ssh) => expect(ssh.uid).toBe(0));
    await withSsh(as("sudopw", { ...agent(good), password: PASSWORD }), task, async (ssh) => {
      expect([ssh.rootWay, (await ssh.exec("id -u")).stdout]).toEqual(["sudo", "0"]);
    });
    expect((await failure(as("root", agent(bad)))).code).toBe("login");
    expect((await failure(as("root", agent(join(dir, "nobody.sock"))))).code).toBe("login");
  });
});

it("known_hosts says who the server is, where no hostKey does", async () => {
  const unknown = { ...root, hostKey: undefined };
  const line = (key: string) => `[${root.host}]:${root.port} ${key}\n`;
  const other = await strangersKey(dir, "other-known");
  expect(vps.hostKeys.map(publicKeyOf)).toContain(await knowing(dir, line(vps.hostKey), unknown));
  expect(await knowing(dir, "", unknown)).toMatch(/^no-host-key: .*set connection\.hostKey: "/);
  expect(await knowing(dir, line(other.public), unknown)).toMatch(
    /^host-key: .*expected the one in \/root\/\.ssh\/known_hosts line 1; no credential was sent; .*remove that line/,
  );
});

describe("preview", () => {
  const config = {
    store: join(dir, "store"),
    cache: join(dir, "cache"),
    mirror: "http://127.0.0.1:9",
    release: "v3.23",
    keys: {},
  };
  const preview = async (connection: Connection, more = {}) => {
    const life = new Life(hostHijack, config);
    const props = { connection: { ...connection }, commit: Unknown.value, ...more };
    const plan = await life.preview(props).catch((e: Error) => e);
    return plan instanceof Error ? plan.message : life.said.infos.join("\n");
  };

  it.each<[string, () => Connection, RegExp]>([
    ["sudo with a password", () => as("sudopw", { password: PASSWORD }), /^alongside Debian/],
    ["doas", () => as("doasnp"), /^alongside Debian/],
    ["no rights", () => as("nosudo"), /^user nosudo may not become root without a password: sudo asks for one; set/],
    ["requiretty", () => as("sudotty"), /requiretty/],
    ["a wrong password", () => as("sudopw", { password: "no" }), /refused connection\.password/],
    [
      "a password alone",
      () => as("sudopw", { password: PASSWORD, privateKey: undefined }),
      /by password alone, and the new system accepts keys only; set connection\.privateKey .*authorizedKeys$/,
    ],
  ])("%s", async (_, connection, text) => expect(await preview(connection())).toMatch(text));

  it("a password with a key that the server does not know yet: refused, until authorizedKeys has it", async () => {
    const own = await strangersKey(dir, "own");
    const c = as("sudopw", { password: PASSWORD, privateKey: own.text });
    expect(await preview(c)).toMatch(/would not accept the connection's key.*add it to authorizedKeys: "ssh-ed25519 /);
    expect(await preview(c, { authorizedKeys: [publicKeyOf(own.public)!] })).toMatch(/^alongside Debian/);
  });
});
