/** What ssh says becomes one error that names the property and says what to do. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { classify } from "../../../../provider/host/ssh/classify.ts";
import type { Connection } from "../../../../provider/host/ssh/connection.ts";
import { fingerprint } from "../../../../provider/host/ssh/errors.ts";
import { publicKeyOf } from "../../../../provider/host/ssh/public-key.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-test-"));
afterAll(() => rmSync(dir, { recursive: true }));
const keygen = (name: string) => {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, name)]);
  return publicKeyOf(readFileSync(join(dir, `${name}.pub`), "utf8"))!;
};
const open = keygen("open");
const locked = keygen("locked");
const host = { host: "203.0.113.7", user: "root" };

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
      "login",
      "an agent with too many keys",
      { ...host, agentSocketPath: "/x" },
      {
        log: "Received disconnect from 203.0.113.7 port 22:2: Too many authentication failures\r\nDisconnected from 203.0.113.7 port 22\r\n",
      },
      /the agent holds too many keys for the server: set connection\.privateKey/,
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
      connection: { ...host, hostKey: open },
      log,
      stderr: "",
      shown: { host: locked },
    });
    expect(error.code).toBe("host-key");
    expect(error.message).toContain(
      `shows ssh-ed25519 ${fingerprint(locked)}, expected ssh-ed25519 ${fingerprint(open)}`,
    );
    expect(error.message).toContain(`connection.hostKey: "${locked}"`);
  });
  it("fingerprints are ssh-keygen's", () =>
    expect(execFileSync("ssh-keygen", ["-l", "-f", join(dir, "open.pub")], { encoding: "utf8" })).toContain(
      fingerprint(open),
    ));
});
