/**
 * The parts of a connection that need no server: ssh's configuration (read by the real ssh), keys, and what errors say.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { askScript, sshConfig } from "../../../../provider/host/ssh/config.ts";
import type { Connection } from "../../../../provider/host/ssh/connection.ts";
import { SshError } from "../../../../provider/host/ssh/errors.ts";
import { loginPublicKeys, privateKeyText } from "../../../../provider/host/ssh/keys.ts";
import { openSsh } from "../../../../provider/host/ssh/open.ts";
import { privateFolder } from "../../../../provider/host/ssh/private-folder.ts";
import { publicKeyOf } from "../../../../provider/host/ssh/public-key.ts";
import { quietTask } from "../../../../provider/task.ts";

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
    // each hop asks a program of its own, which knows nothing of the other's
    expect(seen("pine-host", c)("proxycommand")).toMatch(
      /^setpriv --pdeathsig KILL env SSH_ASKPASS=\S+\/ask_proxy ssh -F \S+\/config -W '\[%h\]:%p' pine-proxy$/,
    );
    const get = seen("pine-proxy", c);
    expect([get("hostname"), get("user"), get("port"), get("proxyjump")]).toEqual(["198.51.100.1", "jump", "2200", ""]);
  });
  it("gives a password one way at a time, to try it once", () => {
    const c = { ...host, password: "x" };
    const get = seen("pine-host", c);
    expect([get("preferredauthentications"), get("pubkeyauthentication"), get("numberofpasswordprompts")]).toEqual([
      "publickey,password",
      "false",
      "1",
    ]);
    const other = seen("pine-host", { ...c, privateKey: "x" }, { keyFile: `${dir}/open`, ask: "keyboard-interactive" });
    expect([other("preferredauthentications"), other("pubkeyauthentication")]).toEqual([
      "publickey,keyboard-interactive",
      "true",
    ]);
  });
  it.each(["pine-host", "pine-proxy"])(
    "%s offers RSA keys to servers that know ssh-rsa only (kubectl-plugin-ssh-jump#17)",
    (name) => {
      const get = seen(name, { ...host, proxy: host });
      for (const key of ["pubkeyacceptedalgorithms", "hostkeyalgorithms"]) {
        const all = get(key).split(",");
        expect(all).toContain("ssh-rsa");
        expect(all.indexOf("rsa-sha2-512")).toBeLessThan(all.indexOf("ssh-rsa"));
      }
    },
  );
  it("never dials for a session", () => expect(seen("pine-mux", host)("proxycommand")).toBe("false"));
});

describe("keys", () => {
  it("derives what a key logs in with, with and without a passphrase", async () => {
    expect(await loginPublicKeys({ ...host, privateKey: open.text }, quietTask())).toEqual([open.public]);
    const c = { ...host, privateKey: locked.text, privateKeyPassword: "canary phrase" };
    expect(await loginPublicKeys(c, quietTask())).toEqual([locked.public]);
  });
  it("a password logs in with no key that is not named", async () =>
    expect(await loginPublicKeys({ ...host, password: "x" }, quietTask())).toEqual([]));
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
    expect(readdirSync(tmpdir()).filter((n) => n.includes(`pine-ssh-${process.pid}-`))).toEqual([]);
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

describe("private folders", () => {
  // whose go when: test/unit/local/holder.test.ts
  it("are ours alone and gone afterwards", async () => {
    const folder = await privateFolder();
    const file = await folder.writeSecret("secret", "x");
    expect([statSync(folder.path).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(`${folder.path}/ctl.0123456789abcdef`.length).toBeLessThan(108);
    folder.dropSecrets();
    expect([existsSync(file), existsSync(folder.path)]).toEqual([false, true]);
    folder.remove();
    expect(existsSync(folder.path)).toBe(false);
  });
});

describe("the program that ssh asks", () => {
  const ask = (name: "host" | "proxy", prompt: string, files: Record<string, string>) => {
    const folder = mkdtempSync(join(dir, "ask-"));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    writeFileSync(join(folder, "ask"), askScript(folder, name), { mode: 0o700 });
    const r = spawnSync(join(folder, "ask"), [prompt], { encoding: "utf8" });
    const again = spawnSync(join(folder, "ask"), [prompt], { encoding: "utf8" });
    expect([again.status, again.stdout]).toEqual([1, ""]);
    return r.status === 0 ? r.stdout : undefined;
  };
  const all = { password_host: "ph", phrase_host: "fh", password_proxy: "pp", phrase_proxy: "fp" };
  it.each<[string, "host" | "proxy", string, string | undefined]>([
    ["a password", "host", "root@pine-host's password: ", "ph"],
    ["by keyboard-interactive", "host", "(root@pine-host) Password: ", "ph"],
    ["the jump host's, with the target's words", "proxy", "(jump@pine-proxy) root@pine-host's password: ", "pp"],
    ["a passphrase", "host", "Enter passphrase for key '/x/key_host': ", "fh"],
    ["a passphrase that a server asks for", "host", "(root@pine-host) Enter passphrase for key '/x/key_host': ", "ph"],
    ["a new password", "host", "Enter root@pine-host's new password: ", undefined],
    ["another question", "host", "Are you sure you want to continue connecting (yes/no)? ", undefined],
  ])("%s: once", (_, name, prompt, answer) => expect(ask(name, prompt, all)).toBe(answer));
});
