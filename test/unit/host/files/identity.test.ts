import { describe, expect, it } from "vitest";
import { hostPathProblem } from "../../../../provider/host/files/paths.ts";
import { planHealth } from "../../../../provider/host/trial/health.ts";
import { plain, Secret, Unknown } from "../../../../provider/properties/values.ts";
import { checkHijack } from "../../../../provider/resources/hijack/check/check.ts";

describe("where a server's own files may lie", () => {
  it.each([
    "/etc/caddy/token",
    "/etc/ssh/sshd_config.d/60-mine.conf",
    "/var/lib/x",
    "/root/.profile",
    "/home/me/.ssh/config",
    "/opt/a/b",
  ])("%s", (path) => expect(hostPathProblem(path)).toBeUndefined());
  it.each([
    ["etc/x", /absolute/],
    ["/usr/bin/x", /read-only/],
    ["/etc/../usr/x", /plain path/],
    ["/etc/", /plain path/],
    ["/etc/hostname", /input hostname/],
    ["/etc/network/interfaces", /input network/],
    ["/root/.ssh/authorized_keys", /input authorizedKeys/],
    ["/etc/dropbear/dropbear_rsa_host_key", /host keys/],
    ["/etc/ssh/ssh_host_ed25519_key", /host keys/],
    ["/etc/ssh/ssh_host_rsa_key.pub", /host keys/],
    ["/tmp/x", /must lie in/],
    ["/etc/a\nb", /control/],
  ])("not %j", (path, reason) => expect(hostPathProblem(path)).toMatch(reason));
});

describe("planHealth", () => {
  it.each([
    [{ http: "http://127.0.0.1/" }, ["http", "http://127.0.0.1/", "200", ""]],
    [{ http: "http://x/", status: 404, contains: "no" }, ["http", "http://x/", "404", "no"]],
    [{ tcp: "127.0.0.1:22" }, ["tcp", "127.0.0.1", "22"]],
    [{ tcp: "[::1]:22" }, ["tcp", "::1", "22"]],
    [{ command: "true" }, ["command", "true"]],
    [{ service: "dropbear" }, ["service", "dropbear"]],
  ])("%j", (check, args) => expect(planHealth(check).args).toEqual(args));
});

const good = { connection: { host: "203.0.113.7", privateKey: "k" }, commit: "a".repeat(64) };

describe("HostHijack's check", () => {
  it("fills in defaults and keeps secrets secret", () => {
    const { inputs, failures } = checkHijack({
      ...good,
      files: { "/etc/t": { content: new Secret("s") }, "/etc/u": { content: "u" } },
    });
    expect(failures).toEqual([]);
    expect(inputs.connection.privateKey ?? plain(inputs.connection).privateKey).toBeTruthy();
    const files = plain(inputs.files);
    expect([files["/etc/t"].mode, files["/etc/u"].mode]).toEqual(["0600", "0644"]);
    expect(plain(inputs)).toMatchObject({
      method: "auto",
      onDestroy: "restore",
      whenUnreachable: "fail",
      trialTimeout: 300,
    });
  });
  it("lets unknowns pass", () => {
    expect(checkHijack({ connection: Unknown.value, commit: Unknown.value }).failures).toEqual([]);
  });
  it.each([
    [{ commit: "abc" }, "commit", /64 hex/],
    [{ method: "kexec" }, "method", /one of/],
    [{ trialTimeout: 5 }, "trialTimeout", /60 to 3600/],
    [{ hostname: "-x" }, "hostname", /hostname/],
    [{ files: { "/usr/x": { content: "" } } }, 'files["/usr/x"]', /read-only/],
    [{ healthChecks: [{ http: "http://x", tcp: "a:1" }] }, "healthChecks[0]", /exactly one/],
    [{ network: { mode: "static" } }, "network.addresses", /is missing/],
    [{ network: { mode: "dhcp", addresses: ["10.0.0.1/8"] } }, "network.addresses", /only for mode static/],
    [{ kernelArguments: ["root=/dev/sda"] }, "kernelArguments[0]", /set by Pine/],
  ])("refuses %j", (change, property, reason) => {
    const { failures } = checkHijack({ ...good, ...change });
    expect(failures.map((f) => f.property)).toContain(property);
    expect(failures.find((f) => f.property === property)!.reason).toMatch(reason);
  });
  it("never shows a secret in a failure", () => {
    const { failures } = checkHijack({
      ...good,
      connection: { host: "h", pasword: "canary-1", privateKey: ["canary-2"] },
    });
    expect(failures.length).toBe(2);
    expect(JSON.stringify(failures)).not.toMatch(/canary/);
  });
});
