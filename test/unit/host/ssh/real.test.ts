/**
 * Connections to a real sshd on 127.0.0.1: what a login prints, which shell it has, how many sessions there are, who
 * gets a password.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, describe, expect, it } from "vitest";
import { lockHost } from "../../../../provider/host/locks/server.ts";
import type { Connection } from "../../../../provider/host/ssh/connection.ts";
import { SshError } from "../../../../provider/host/ssh/errors.ts";
import { openSsh, withSsh } from "../../../../provider/host/ssh/open.ts";
import type { Ssh } from "../../../../provider/host/ssh/types.ts";
import { quietTask } from "../../../../provider/task.ts";
import { type SshdOptions, startSshd, tcsh } from "../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-sshd-"));
afterAll(() => rmSync(dir, { recursive: true }));
const task = quietTask();
let servers = 0;

/** A server for one test. */
async function server(o: SshdOptions = {}) {
  return startSshd(dir, { name: `server-${++servers}`, ...o });
}
/** Runs `work` with a server of that kind. */
async function at<T>(o: SshdOptions, work: (c: Connection) => Promise<T>): Promise<T> {
  const sshd = await server(o);
  try {
    return await work(sshd.connection);
  } finally {
    await sshd.end();
  }
}
async function failure(c: Connection): Promise<SshError> {
  const error = await openSsh(c, task).catch((e) => e);
  expect(error, `${error}`).toBeInstanceOf(SshError);
  return error;
}
/** A home whose shell prints `text` at each login. */
function home(text: string): string {
  const path = join(dir, `home-${++servers}`);
  mkdirSync(path);
  writeFileSync(join(path, ".bashrc"), text);
  return path;
}

// pulumi-kubernetes-operator#988, pulumi-command#773: nothing of a command but its name
it("each command is told to who looks for a fault: what, its end and seconds, and nothing of what went over", () =>
  at({}, async (c) => {
    const told: string[] = [];
    await withSsh(c, { ...task, debug: (line) => void told.push(line) }, async (ssh) => {
      told.length = 0;
      const input = "canary-input";
      await ssh.exec("cat; echo canary-said; : canary-script", ["canary-arg"], { input, root: false, what: "asking" });
      await ssh.exec("exit 3", [], { root: false, ok: [3] });
      await ssh.exec("sleep 9", [], { root: false, what: "waiting", timeout: 300 }).catch(() => {});
      expect(told).toEqual([
        expect.stringMatching(new RegExp(`^${ssh.target}: asking: exit code 0 after \\d+\\.\\d s$`)),
        expect.stringMatching(/: a command: exit code 3 after /),
        // ssh's own code where the session was cut
        expect.stringMatching(/: waiting: (exit code 255|ended by its limit) after /),
      ]);
      expect(told.join()).not.toContain("canary");
    });
  }));

describe("what a login prints is not ours (ansible/ansible#9022, #9679, #2268)", () => {
  const NOISE = `printf 'hostname=x\\nkernel=9\\npine-login 0 root 1\\n'; printf 'no line break, out'; printf 'no line break, err' >&2\n`;
  it("no word of it is in a script's output, as text, lines or stream, nor in its errors", () =>
    at({ shell: "/bin/bash", home: home(NOISE) }, (c) =>
      withSsh(c, task, async (ssh) => {
        expect(ssh.uid).toBe(process.getuid!());
        const lines: string[] = [];
        const onLine = (line: string, from: string) => void lines.push(`${from}: ${line}`);
        const r = await ssh.exec("echo key=1; echo said >&2; cat", ["a"], { input: "in", onLine, root: false });
        expect(r).toEqual({ stdout: "key=1\nin", stderr: "said", exitCode: 0 });
        expect(lines.sort()).toEqual(["stderr: said", "stdout: in", "stdout: key=1"]);
        const output = new PassThrough();
        const chunks: Buffer[] = [];
        output.on("data", (chunk) => chunks.push(chunk));
        await ssh.exec("head -c 300000 /dev/zero; echo end", [], { output, root: false });
        const bytes = Buffer.concat(chunks);
        expect([bytes.length, bytes[0], bytes.subarray(-4).toString()]).toEqual([300_004, 0, "end\n"]);
        expect((await ssh.exec("", [], { root: false })).stdout).toBe("");
        const error = await ssh.exec("echo why >&2; exit 3", [], { root: false, what: "it" }).catch((e) => e);
        expect(error.message).toBe(`it on ${ssh.target} failed (exit code 3): why`);
      }),
    ));
  it("a forced command that prints what ours would is no shell", async () => {
    const error = await at({ config: "ForceCommand printf 'pine-login 0 root 1-2\\n'" }, failure);
    expect([error.code, error.message]).toEqual(["shell", expect.stringMatching(/gives no shell: pine-login.*forced/)]);
  });
});

describe("sessions (cloudposse/bastion#79)", () => {
  it("one alone is told before anything is done, and what to do", async () => {
    const error = await at({ config: "MaxSessions 1" }, failure);
    expect([error.code, error.message]).toEqual(["sessions", expect.stringMatching(/MaxSessions to 2 or more/)]);
  });
  it("one is enough for who needs one", () =>
    at({ config: "MaxSessions 1" }, (c) =>
      withSsh(c, task, async (ssh) => void (await ssh.exec("true", [], { root: false })), { sessions: 1 }),
    ));
  it("two are enough: the lock's, and another", () =>
    at({ config: "MaxSessions 2" }, (c) =>
      withSsh(c, task, async (ssh) => {
        // the lock's file is root's: the same over this login
        const asLogin = {
          exec: (script, args, o) => ssh.exec(`PINE_RUN=${dir}\n${script}`, args, { ...o, root: false }),
        } as Ssh;
        const unlock = await lockHost(asLogin, "a test");
        expect((await ssh.exec("echo beside", [], { root: false })).stdout).toBe("beside");
        // a third is the server's refusal, not the script's failure
        const held = ssh.exec("cat", [], { root: false, input: new PassThrough() }).catch((e) => e);
        const third = await ssh.exec("echo third; sleep 1", [], { root: false }).catch((e) => e);
        const refused = [third, await Promise.race([held, Promise.resolve()])].filter((e) => e instanceof SshError);
        expect(refused.map((e) => e.code)).toEqual(["sessions"]);
        await unlock();
      }),
    ));
});

describe("login shells", () => {
  it.each([
    [
      "nologin (This account is currently not available)",
      "/usr/sbin/nologin",
      /has no login shell there.*usermod -s \/bin\/sh/,
    ],
    ["false", "/bin/false", /gives no shell: exit code 1; use a login with a shell and no forced command/],
  ])("%s", async (_, shell, text) => {
    const error = await at({ shell }, failure);
    expect([error.code, error.message]).toEqual(["shell", expect.stringMatching(text)]);
  });
  it("tcsh runs our scripts, with what it prints apart", async () => {
    const path = home("");
    writeFileSync(join(path, ".cshrc"), "printf 'hostname=x, no line break'\n");
    const odd = ["it's", "$HOME `id` !x", "two\nlines", ""];
    await at({ shell: await tcsh(), home: path }, (c) =>
      withSsh(c, task, async (ssh) => {
        const r = await ssh.exec('printf "[%s]" "$@"; cat', odd, { root: false, input: "in" });
        expect(r.stdout).toBe(`${odd.map((w) => `[${w}]`).join("")}in`);
      }),
    );
  });
  it.each<[string, string, RegExp]>([
    [
      "an expired password (Gamocosm/Gamocosm#121)",
      "echo 'WARNING: Your password has expired.'; echo 'Password change required but no TTY available.' >&2; exit 1",
      /has expired: log in once and change it/,
    ],
    [
      "another user (cloud images)",
      `echo 'Please login as the user "debian" rather than the user "root".'; exit 142`,
      /set connection.user to "debian"/,
    ],
    [
      "a full disk",
      "echo '-bash: cannot create temp file for here-document: No space left on device' >&2; exit 1",
      /is full: free some space/,
    ],
    ["a quota", "echo 'mkdir: Disk quota exceeded'; exit 1", /quota of .* is full/],
  ])("%s", async (_, said, text) => {
    const script = join(dir, `shell-${++servers}`);
    writeFileSync(script, `#!/bin/sh\n${said}\n`);
    chmodSync(script, 0o755);
    const error = await at({ shell: script }, failure);
    expect([error.code, error.message]).toEqual(["shell", expect.stringMatching(text)]);
  });
});

describe("passwords", () => {
  it("a hostile jump host that asks with the target's words gets nothing of the target's", async () => {
    const user = process.env.USER ?? "root";
    const says = (who: string) => `${who}@pine-host's password: `;
    const target = await server({ pam: { password: "canary of the target" } });
    const c = target.connection;
    const jump = await server({
      pam: {
        password: "canary of the jump host",
        says: `${says(c.user!)}\nEnter passphrase for key '/key_host': ${user}`,
      },
      config: "AuthenticationMethods keyboard-interactive",
    });
    try {
      const proxy = { ...jump.connection, password: "canary of the jump host" };
      const both = { ...c, privateKey: undefined, password: "canary of the target", proxy };
      await withSsh(both, task, async (ssh) => expect(ssh.target).toContain(`${c.port}`));
      // the jump host is dialled twice: that the target takes passwords by keyboard-interactive alone is seen first
      const got = [...(await jump.got()), "|", ...(await target.got())];
      expect([...new Set(got)]).toEqual(["canary of the jump host", "|", "canary of the target"]);
      // nor the passphrase of a key
      const phrase = { ...both, proxy: { ...proxy, privateKeyPassword: "canary of a key" } };
      await withSsh(phrase, task, async () => {});
      expect([...new Set(await jump.got())]).toEqual(["canary of the jump host"]);
    } finally {
      await jump.end();
      await target.end();
    }
  });
  it("a second factor after the key is told as that (ansible/ansible#11843)", async () => {
    const config = "AuthenticationMethods publickey,keyboard-interactive";
    const error = await at({ config, pam: { password: "x" } }, failure);
    expect([error.code, error.message]).toEqual([
      "login",
      expect.stringMatching(/took the key and wants a second factor after it.*AuthenticationMethods publickey/),
    ]);
  });
});

describe("keys", () => {
  it("a key that is pinned is the only one: nothing is sent to another", async () => {
    const other = await server();
    const sshd = await server({ pam: { password: "canary" } });
    try {
      const wrong = {
        ...sshd.connection,
        hostKey: other.connection.hostKey,
        acceptNewHostKey: true,
        password: "canary",
      };
      const error = await failure(wrong);
      expect([error.code, error.message]).toEqual([
        "host-key",
        expect.stringMatching(/seen at the first connection\); no credential was sent/),
      ]);
      expect(await sshd.got()).toEqual([]);
    } finally {
      await sshd.end();
      await other.end();
    }
  });
});

it("once the login stands no secret is in a file, and nothing is left at the end", async () => {
  const base = process.env.XDG_RUNTIME_DIR ?? tmpdir();
  const mine = () => readdirSync(base).filter((name) => name.includes(`pine-ssh-${process.pid}-`));
  await at({}, (c) =>
    withSsh(c, task, async (ssh) => {
      expect(mine().length).toBe(1);
      const names = readdirSync(join(base, mine()[0]!)).sort();
      expect(names.filter((name) => /^(key|phrase|password)_(host|proxy)$/.test(name))).toEqual([]);
      expect(names).toContain("known_host");
      expect((await ssh.exec("echo still", [], { root: false })).stdout).toBe("still");
    }),
  );
  expect(mine()).toEqual([]);
});
