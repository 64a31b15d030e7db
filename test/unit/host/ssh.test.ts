/** The parts of a connection that need no server: ssh's configuration (read by the real ssh), keys, and what errors say. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Connection } from "../../../provider/host/connection-type.ts";
import { loginPublicKeys, privateKeyText, publicKeyOf } from "../../../provider/host/keys.ts";
import { openSsh } from "../../../provider/host/ssh.ts";
import { classify, fingerprint, SshError } from "../../../provider/host/ssh-errors.ts";
import { privateFolder, sshConfig } from "../../../provider/host/ssh-files.ts";
import { quietTask } from "../../../provider/task.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-test-"));
afterAll(() => rmSync(dir, { recursive: true }));
const keygen = (name: string, phrase: string) => {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", phrase, "-f", join(dir, name)]);
  return {
    text: readFileSync(join(dir, name), "utf8"),
    public: publicKeyOf(readFileSync(join(dir, `${name}.pub`), "utf8"))!,
  };
};
const open = keygen("open", "");
const locked = keygen("locked", "canary phrase");
const host = { host: "203.0.113.7", user: "root" };

describe("ssh's configuration, as ssh reads it", () => {
  const seen = (alias: string, c: Connection, extra = {}) => {
    const file = join(dir, "config");
    const block = { connection: c, acceptNew: false, connectTimeout: 15, ...extra };
    writeFileSync(file, sshConfig(dir, block, c.proxy && { ...block, connection: c.proxy }));
    const out = execFileSync("ssh", ["-F", file, "-G", alias], { encoding: "utf8" });
    return (key: string) =>
      out
        .split("\n")
        .filter((l) => l.startsWith(`${key} `))
        .map((l) => l.slice(key.length + 1))
        .join(";");
  };
  it("pins a host key", () => {
    const get = seen("pine-host", { ...host, port: 2222 }, { hostKey: open.public });
    expect([get("hostname"), get("port"), get("user")]).toEqual(["203.0.113.7", "2222", "root"]);
    expect([get("stricthostkeychecking"), get("hostkeyalgorithms"), get("hostkeyalias")]).toEqual([
      "true",
      "ssh-ed25519",
      "pine-host",
    ]);
    expect([get("userknownhostsfile"), get("globalknownhostsfile")]).toEqual([`${dir}/known_host`, "none"]);
    expect([get("batchmode"), get("connecttimeout"), get("forwardagent")]).toEqual(["yes", "15", "no"]);
  });
  it("else asks known_hosts, and accepts only when told to", () => {
    expect(seen("pine-host", host)("userknownhostsfile")).toMatch(/new_host .*\.ssh\/known_hosts /);
    expect(seen("pine-host", host)("stricthostkeychecking")).toBe("true");
    expect(seen("pine-host", host, { acceptNew: true })("stricthostkeychecking")).toBe("accept-new");
  });
  it("offers a given key only", () => {
    const get = seen("pine-host", { ...host, privateKey: "x" }, { keyFile: `${dir}/open` });
    expect([get("identityfile"), get("identitiesonly"), get("identityagent")]).toEqual([`${dir}/open`, "yes", "none"]);
  });
  it("jumps with a login of its own", () => {
    const c = { ...host, proxy: { host: "198.51.100.1", user: "jump", port: 2200 } };
    expect(seen("pine-host", c)("proxyjump")).toBe("pine-proxy");
    const get = seen("pine-proxy", c);
    expect([get("hostname"), get("user"), get("port"), get("proxyjump")]).toEqual(["198.51.100.1", "jump", "2200", ""]);
  });
  it("never dials for a session", () => expect(seen("pine-mux", host)("proxycommand")).toBe("false"));
});

describe("keys", () => {
  it("derives what a key logs in with, with and without a passphrase", async () => {
    expect(await loginPublicKeys({ ...host, privateKey: open.text }, quietTask())).toEqual([open.public]);
    const c = { ...host, privateKey: locked.text, privateKeyPassword: "canary phrase" };
    expect(await loginPublicKeys(c, quietTask())).toEqual([locked.public]);
  });
  it("a password logs in with no key", async () =>
    expect(await loginPublicKeys({ ...host, password: "x" }, quietTask())).toEqual(
      process.env.SSH_AUTH_SOCK ? expect.anything() : [],
    ));
  it("mends line ends", () => expect(privateKeyText(open.text.trim().replaceAll("\n", "\r\n"), "c")).toBe(open.text));
  it.each<[string, Partial<Connection>, string, RegExp]>([
    ["a path", { privateKey: "~/.ssh/id_ed25519" }, "key", /privateKey looks like a path; give the file's text/],
    ["a public key", { privateKey: open.public }, "key", /is a public key/],
    ["PuTTY's", { privateKey: "PuTTY-User-Key-File-3: ssh-ed25519" }, "key", /puttygen/],
    ["nonsense", { privateKey: "canary" }, "key", /is not a private key/],
    [
      "half a key",
      { privateKey: `${open.text.slice(0, 200)}\n-----END OPENSSH PRIVATE KEY-----` },
      "key",
      /ssh-keygen cannot read it/,
    ],
    [
      "no passphrase",
      { privateKey: locked.text },
      "passphrase",
      /needs a passphrase; set connection.privateKeyPassword/,
    ],
    ["a wrong passphrase", { privateKey: locked.text, privateKeyPassword: "canary" }, "passphrase", /does not open/],
    ["a fingerprint as host key", { hostKey: "SHA256:AAAA" }, "key", /hostKey is not a public host key/],
    ["a damaged host key", { hostKey: "ssh-ed25519 AAAA" }, "key", /hostKey is not a public host key/],
  ])("%s is refused before anything is dialled", async (_, c, code, text) => {
    const error = await openSsh({ host: "203.0.113.7", ...c }, quietTask()).catch((e) => e);
    expect(error).toBeInstanceOf(SshError);
    expect([error.code, text.test(error.message)], error.message).toEqual([code, true]);
    expect(error.message).not.toContain("canary");
    expect(readdirSync(tmpdir()).filter((n) => n.startsWith(`pine-ssh-${process.pid}-`))).toEqual([]);
  });
  it.each<[Partial<Connection>, RegExp]>([
    [{ host: "-oProxyCommand=x" }, /connection.host/],
    [{ host: "a b" }, /connection.host/],
    [{ port: 0 }, /connection.port/],
    [{ user: 'x"\nProxyCommand y' }, /connection.user/],
    [{ proxy: { host: "$(id)" } }, /connection.proxy.host/],
    [{ password: "a\nb" }, /line break/],
  ])("%j is refused", async (c, text) => {
    await expect(openSsh({ host: "203.0.113.7", ...c }, quietTask())).rejects.toThrow(text);
  });
});

describe("what went wrong (messages captured from OpenSSH 9.2)", () => {
  const proxied = { ...host, proxy: { host: "198.51.100.1", user: "jump" } };
  it.each<[string, string, Connection, { log?: string; stderr?: string }, RegExp]>([
    [
      "unreachable",
      "refused",
      host,
      { log: "ssh: connect to host 203.0.113.7 port 22: Connection refused\r\n" },
      /Connection refused; check connection.host and connection.port/,
    ],
    [
      "unreachable",
      "no such name",
      host,
      { log: "ssh: Could not resolve hostname x: Name or service not known\r\n" },
      /cannot be resolved; check connection.host/,
    ],
    [
      "unreachable",
      "silent",
      host,
      { log: "Connection timed out during banner exchange\r\nConnection to 203.0.113.7 port 22 timed out\r\n" },
      /timed out/,
    ],
    [
      "login",
      "key",
      { ...host, privateKey: "x" },
      { log: "root@203.0.113.7: Permission denied (publickey,password).\r\n" },
      /refused connection.privateKey; .* accepts: publickey,password/,
    ],
    [
      "login",
      "no key given",
      host,
      { log: "root@203.0.113.7: Permission denied (publickey).\r\n" },
      /refused the agent's and this user's keys.*set connection.privateKey/,
    ],
    [
      "no-host-key",
      "unknown",
      host,
      {
        log: "No ED25519 host key is known for x and you have requested strict checking.\r\nHost key verification failed.\r\n",
      },
      /connection.acceptNewHostKey: true/,
    ],
    [
      "unreachable",
      "jump refused",
      proxied,
      {
        stderr: "ssh: connect to host 198.51.100.1 port 22: Connection refused\r\n",
        log: "Connection closed by UNKNOWN port 65535\r\n",
      },
      /jump host jump@198.51.100.1:22 cannot be reached.*connection.proxy.host/,
    ],
    [
      "login",
      "jump's login",
      proxied,
      {
        stderr: "jump@198.51.100.1: Permission denied (publickey).\r\n",
        log: "Connection closed by UNKNOWN port 65535\r\n",
      },
      /jump host .* refused .*connection.proxy.user/,
    ],
    [
      "unreachable",
      "from the jump host",
      proxied,
      {
        stderr: "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n",
        log: "Connection closed by UNKNOWN port 65535\r\n",
      },
      /cannot be reached from the jump host/,
    ],
    [
      "unreachable",
      "no forwarding",
      proxied,
      { stderr: "channel 0: open failed: administratively prohibited: open failed\r\n" },
      /does not forward/,
    ],
    [
      "client",
      "old ssh",
      host,
      { stderr: "/x/config: line 9: Bad configuration option: knownhostscommand\r\n" },
      /OpenSSH 8.5 or newer/,
    ],
  ])("%s: %s", (code, _, connection, o, text) => {
    const error = classify({ connection, log: "", stderr: "", shown: {}, ...o });
    expect(error.code, error.message).toBe(code);
    expect(error.message).toMatch(text);
  });

  it("a wrong host key names both", () => {
    const log =
      "@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@\r\nHost key for pine-host has changed and you have requested strict checking.\r\n";
    const error = classify({
      connection: { ...host, hostKey: open.public },
      log,
      stderr: "",
      shown: { host: locked.public },
    });
    expect(error.code).toBe("host-key");
    expect(error.message).toContain(
      `shows ssh-ed25519 ${fingerprint(locked.public)}, expected was ssh-ed25519 ${fingerprint(open.public)}`,
    );
    expect(error.message).toContain(`connection.hostKey: "${locked.public}"`);
  });
  it("fingerprints are ssh-keygen's", () =>
    expect(execFileSync("ssh-keygen", ["-l", "-f", join(dir, "open.pub")], { encoding: "utf8" })).toContain(
      fingerprint(open.public),
    ));
});

describe("private folders", () => {
  it("are ours alone, gone afterwards, and those of dead processes go with them", async () => {
    const stale = join(tmpdir(), "pine-ssh-4194999-dead");
    if (!process.env.XDG_RUNTIME_DIR) execFileSync("mkdir", ["-m", "700", stale]);
    const folder = await privateFolder();
    expect(existsSync(stale)).toBe(false);
    const file = await folder.write("secret", "x");
    expect([statSync(folder.path).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(`${folder.path}/ctl.0123456789abcdef`.length).toBeLessThan(108);
    folder.remove();
    expect(existsSync(folder.path)).toBe(false);
  });
});
