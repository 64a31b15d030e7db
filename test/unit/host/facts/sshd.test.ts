/**
 * What facts say of the SSH server that a connection came through, by a real sshd: how it was started counts, and where
 * it really listens.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFacts } from "../../../../provider/host/facts/facts.ts";
import { sshPorts } from "../../../../provider/host/plan/login.ts";
import { factsScript } from "../../../../provider/host/scripts.ts";
import type { Connection } from "../../../../provider/host/ssh/connection.ts";
import { withSsh } from "../../../../provider/host/ssh/open.ts";
import { run } from "../../../../provider/local/run.ts";
import { quietTask } from "../../../../provider/task.ts";
import { freePort } from "../../../lab/processes.ts";
import { type Sshd, type SshdOptions, startSshd } from "../../../lab/sshd/index.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-facts-sshd-"));
afterAll(() => rmSync(dir, { recursive: true }));
const task = quietTask();
let servers = 0;

/** `read` with a connection by port `by` of such a server; its own by default. */
async function at<T>(o: SshdOptions, read: (c: Connection, sshd: Sshd) => Promise<T>, by?: number): Promise<T> {
  const sshd = await startSshd(dir, { name: `s${++servers}`, ...o });
  try {
    return await read({ ...sshd.connection, port: by ?? sshd.connection.port }, sshd);
  } finally {
    await sshd.end();
  }
}
async function seen(c: Connection, setup = "") {
  const facts = await withSsh(c, task, async (ssh) => {
    if (setup) await ssh.exec(setup, [], { root: false });
    return readFacts(ssh);
  });
  const all = (name: string) => facts.sshd.flatMap(([key, value]) => (key === name ? [value] : []));
  return { facts, all, ports: all("port").map(Number), carried: sshPorts(facts, c) };
}

// nix-community/nixos-anywhere#515, NixOS/nixops-hetzner#8, dev-sec/ssh-baseline#164
describe("sshd", () => {
  it("with a file of its own (-f): its port, its keys, its limits", () =>
    at({ config: "AllowUsers nobody *\nAuthenticationMethods publickey" }, async (c) => {
      const { facts, all, ports, carried } = await seen(c);
      expect([ports, carried, facts.network.connectedPort]).toEqual([[c.port], [c.port], c.port]);
      expect(all("listenaddress")).toEqual([`127.0.0.1:${c.port}`]);
      expect(all("allowusers")).toEqual(["nobody", "*"]);
      expect(facts.hostKeys).toEqual([expect.stringContaining(c.hostKey!)]);
      expect(facts.hostKeyFiles[0]!.path).toMatch(/\/host$/);
    }));
  // what -o names comes beside the file's port, and -p in place of it
  it.each<[string, (...ports: number[]) => string[], (...ports: number[]) => number[]]>([
    ["-p", (p) => ["-p", `${p}`], (p) => [p]],
    ["-p beside others in one word, and once more", (p, q) => [`-4p${p}`, "-p", `${q}`], (p, q) => [p, q]],
    ["-o", (p) => [`-oPort=${p}`], (p, _, file) => [p, file]],
    ["-o of two words, and an option after it", (p) => ["-o", `Port ${p}`, "-u0"], (p, _, file) => [p, file]],
  ])("by options: %s", async (_, options, expected) => {
    const [p, q] = [await freePort(), await freePort()];
    await at(
      { options: options(p, q) },
      async (c, sshd) => {
        const { ports, carried, all } = await seen(c);
        const listens = expected(p, q, sshd.connection.port!);
        expect(ports.sort()).toEqual(listens.sort());
        expect(all("listenaddress").sort()).toEqual(listens.map((port) => `127.0.0.1:${port}`).sort());
        expect(carried).toEqual([p]);
      },
      p,
    );
  });
  it("host keys by options (-h)", async () => {
    const key = join(dir, "given");
    await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", key]);
    await at({ options: ["-h", key] }, async (c) =>
      expect((await seen(c)).facts.hostKeyFiles.map((h) => h.path)).toContain(key),
    );
  });
  // Debian's ssh.socket
  it("started for each connection by who holds the socket: its file's port is none where nobody listens", () =>
    at({ inetd: true, config: "Port 9" }, async (c) => {
      const { ports, carried, facts, all } = await seen(c);
      expect([ports, carried, facts.network.connectedPort]).toEqual([[c.port], [c.port], c.port]);
      expect(all("listenaddress")).toEqual([`127.0.0.1:${c.port}`]);
      expect(facts.hostKeys).toEqual([expect.stringContaining(c.hostKey!)]);
    }));
  it("started again since this connection came: the one that listens now counts", async () => {
    const p = await freePort();
    const key = join(dir, "second");
    await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", key]);
    const sshd = await startSshd(dir, { name: "again", options: ["-p", `${p}`], again: true });
    try {
      await withSsh({ ...sshd.connection, port: p }, task, async (ssh) => {
        expect((await readFacts(ssh)).sshd).not.toContainEqual(["denyusers", "nobody"]);
        await sshd.again(`DenyUsers nobody\nHostKey ${key}`);
        const facts = await readFacts(ssh);
        expect(facts.sshd).toContainEqual(["denyusers", "nobody"]);
        expect(facts.hostKeyFiles.map((h) => h.path)).toContain(key);
      });
    } finally {
      await sshd.end();
    }
  });
});

/** What `started_with` makes of a process's arguments, or of a file's line, as "program|config|options". */
function startedWith(shell: string[], text: string, file?: string) {
  const script = factsScript().replace(/\nidentity\n[\s\S]*$/, "\n");
  const before = `mount -t tmpfs none /etc/default && ${file ? 'printf "%s\\n" "$2" >/etc/default/ssh' : "rm -f /etc/default/ssh"}; mkdir -p "$3/1"
printf %s "$1" | tr '~' '\\0' >"$3/1/cmdline"
`;
  const asked = `${script.replaceAll("/proc/$server", `${dir}/1`)}
server=1 nl='
'
have() { true; }
started_with; printf '%s|%s|%s' "$program" "$config" "$(printf '%s' "$options" | tr '\n' ' ')"`;
  const args = ["-rm", ...shell, "-c", `${before}${asked}`, "sh", text, file ?? "", dir];
  return execFileSync("unshare", args, { encoding: "utf8" });
}

describe.each([[["dash"]], [["busybox", "sh"]]])("%j: how it was started", (shell) => {
  it.each<[string, string, string | undefined, string]>([
    ["Debian 8 to 10", "/usr/sbin/sshd~-D~-p~2222~", undefined, "sshd|| -p 2222"],
    [
      "since OpenSSH 8.2",
      "sshd: /bin/true -Df /srv/a -h /k [listener] 0 of 10-100 startups~~",
      undefined,
      "/bin/true|/srv/a| -h /k",
    ],
    [
      "two words of -o",
      "sshd: /bin/true -D -o Port 2222 -p 1 [listener] 0 of 10-100 startups",
      undefined,
      "/bin/true|| -o Port 2222 -p 1",
    ],
    [
      "a connection's process, Debian's file",
      "sshd: root [priv]~",
      "SSHD_OPTS='-f /srv/b -p 2222'",
      "sshd|/srv/b| -p 2222",
    ],
    [
      "the file's last line counts",
      "sshd: root [priv]",
      'SSHD_OPTS=-p1\n#SSHD_OPTS=-p3\nexport SSHD_OPTS="-p2"',
      "sshd|| -p 2",
    ],
    ["nothing is known", "", undefined, "sshd||"],
  ])("%s", (_, text, file, expected) => expect(startedWith(shell, text, file)).toBe(expected));
});
