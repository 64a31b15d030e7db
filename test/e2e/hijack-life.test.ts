/**
 * A server's life by the plain CLI and examples/server-yaml: seen, taken, updated, broken, brought back, given back. No
 * secret is told.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WORDS } from "../../examples/server/demo-words.ts";
import { run } from "../../provider/local/run.ts";
import { Planted } from "./hijack-canaries.ts";
import { Project } from "./hijack-cli.ts";
import { BOOT_MS, bootId, configure, differences, type Lab, listing, on, startLab, steps } from "./hijack-lab.ts";

const step = steps(test);
const PAGE = "Hello from an atomic server";
/** Content of /usr: npm test -- alongside. */
const DIGESTED = { digested: "/etc /boot" };

let lab: Lab;
let project: Project;
let secrets: Planted;
let before: Map<string, string>;
/** Bytes that preview said are sent, at least and at most. */
let shown: number[];
let first: { checksum: string; sent: number };

beforeAll(async () => {
  lab = await startLab("life");
  ({ project } = lab);
  secrets = await Planted.plant(lab);
});
afterAll(async () => {
  await secrets?.stop();
  await lab?.end();
});

const server = (json: { steps: { urn: string }[] }) => json.steps.find((s) => s.urn.includes("HostHijack")) as never;

step("preview, as text, diff and JSON, shows the plan and writes nothing on the server", async () => {
  const quick = await listing(lab.vps, { quick: true });
  const json = JSON.parse((await project.ok(["preview", "--json"])).stdout);
  expect(json.changeSummary).toEqual({ create: 4 });
  for (const words of [WORDS.packages, WORDS.alongside]) expect(JSON.stringify(json.diagnostics)).toMatch(words);
  expect(JSON.stringify(json.diagnostics)).toMatch(
    /alongside Debian.* send \d+ to \d+ MB.*reboot.*keeps 10\.0\.2\.15\/24/,
  );
  shown = /send (\d+) to (\d+) MB/
    .exec(JSON.stringify(json.diagnostics))!
    .slice(1)
    .map((n) => Number(n) * 1e6);
  const diff = await project.ok(["preview", "--diff"]);
  expect(diff.output).toMatch(/\[0\]: "lighttpd"/);
  expect(diff.output).toMatch(/content: \[secret\]/);
  expect(diff.output).toMatch(/alongside Debian/);
  expect(differences(quick, await listing(lab.vps, { quick: true }))).toEqual([]);
  const top = new Project(join(lab.work, "top"), "."); // what people start from
  await configure(top, lab);
  expect((await top.ok(["preview"])).output).toMatch(/alongside Debian.*keeps 10\.0\.2\.15\/24/);
  lab.tell("previews");
  before = await listing(lab.vps, DIGESTED);
  lab.tell("content of /etc and /boot, size and time of /usr's files");
});

step("the server is taken", async () => {
  secrets.watchServer();
  await secrets.beSeen();
  await project.ok(["up", "--debug"]);
  lab.tell("up");
  const { booted, sent } = await project.server();
  first = { checksum: booted.checksum, sent };
  expect(sent).toBeGreaterThanOrEqual(shown[0]! - 5e5);
  expect(sent).toBeLessThanOrEqual(shown[1]! + 5e5);
  secrets.watchServer();
});

step("the server is Alpine, itself otherwise, and atomic", async () => {
  // the server's own host key is checked at each connection
  const seen = await lab.vps.ssh(
    "(. /etc/os-release; echo $ID); hostname; ostree admin status; wget -qO- http://127.0.0.1/; touch /usr/x; stat -c '%a %U' /etc/pine-demo/token; cat /etc/pine-demo/token",
  );
  expect(seen.stdout).toMatch(/^alpine\nweb-1\n/);
  expect(seen.stdout).toContain(`* pine ${first.checksum}`);
  expect(seen.stdout).toContain(`${PAGE}\n`);
  expect(seen.stderr).toMatch(/\/usr\/x: Read-only file system/);
  expect(seen.stdout).toContain(`600 root\n${secrets.tokens[0]!}`);
  expect(await on(lab.vps, "/usr/libexec/pine/agent status")).toMatch(/^slot=a\ntrial=\n/m);
  const { host, port, hostKey } = lab.vps;
  const known = { host, port, user: "root", hostKey, privateKey: secrets.privateKey.trimEnd() }; // the CLI trims what it is given
  expect(JSON.parse(await project.revealed(["stack", "output", "connection", "--json"]))).toMatchObject(known);
});

step("a second up has nothing to do", async () => {
  const boot = await bootId(lab.vps);
  await project.ok(["preview", "--expect-no-changes"]);
  await project.ok(["up", "--expect-no-changes"]);
  expect(await bootId(lab.vps)).toBe(boot);
  lab.tell("preview and up without changes");
});

step("a commit that a stranger signed, or nobody, is refused before anything is sent; what ran runs", async () => {
  const boot = await bootId(lab.vps);
  const { booted } = await project.server();
  const deployments = () => on(lab.vps, "ls /sysroot/ostree/deploy/pine/deploy | grep '\\.[0-9]$'");
  const there = await deployments();
  expect(await on(lab.vps, "sed -n 's/^checksum=//p' /var/lib/pine/trust/manifest")).toBe(booted.checksum);
  await project.set({ page: "A page of a stranger" });
  const refused = async (problem: RegExp) => {
    const { exitCode, output } = await project.run(["up", "--skip-preview"]);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(problem);
  };
  await project.secret("signingKey", secrets.signingKeys[1]!);
  await refused(/commit [0-9a-f]{12} is not signed by a key that this server trusts \(RW.*set oldSigningKey/);
  expect((await project.run(["preview"])).output).toMatch(/is not signed by a key that this server trusts/);
  expect(await bootId(lab.vps)).toBe(boot);
  expect(await deployments()).toBe(there);
  await project.secret("signingKey", secrets.signingKeys[0]!);
  await project.set({ page: PAGE });
  await project.ok(["up", "--skip-preview"]);
  expect(await bootId(lab.vps)).toBe(boot);
  lab.tell("refused what a stranger signed");
});

step(
  "an update that breaks the web server goes back, fails clearly, and is refused; a good one, with a package and a kernel argument more, sends at most 2 % of the first",
  async () => {
    const known = (await project.server()).booted;
    await project.set({ webPort: "eighty" });
    const bad = await project.run(["up", "--skip-preview"]);
    lab.tell("up that breaks the web server");
    expect(bad.exitCode).not.toBe(0);
    expect(bad.output).toMatch(/commit [0-9a-f]{12} .*was booted and failed; commit [0-9a-f]{12} runs again/);
    expect(bad.output).toMatch(WORDS.unhealthy);
    const boot = await bootId(lab.vps);
    const after = await project.server();
    expect(after.booted.checksum).toBe(known.checksum);
    expect(after.failed).toMatchObject({ attempts: 1, givenUp: true });
    expect(await on(lab.vps, "ostree admin status; wget -qO- http://127.0.0.1/")).toMatch(
      new RegExp(`\\* pine ${known.checksum}.*${PAGE}`, "s"),
    );

    const again = await project.run(["up", "--skip-preview"]);
    expect(again.exitCode).not.toBe(0);
    expect(again.errors).toEqual([expect.stringMatching(/failed on this server before .* and is not booted again/)]);
    expect((await project.run(["preview"])).output).toMatch(WORDS.refused);
    expect(await bootId(lab.vps)).toBe(boot);
    lab.tell("refused again");

    await project.set({ webPort: "80", page: "A better page", packages: ["lighttpd", "tree"] });
    project.edit((text) => text.replace(/^( +)hostname: \$.*$/m, "$&\n$1kernelArguments: [no_timer_check]"));
    const diff = await project.ok(["preview", "--diff"]);
    expect(diff.output).toMatch(/~ packages\s*: \[\s*\+ \[1\]: "tree"/);
    const json = JSON.parse((await project.ok(["preview", "--json"])).stdout);
    const rootfs = json.steps.find((s: { urn: string }) => s.urn.includes("Rootfs"));
    expect(rootfs.detailedDiff).toHaveProperty(["packages[1]"]);
    expect(server(json)).toMatchObject({ op: "update", detailedDiff: { kernelArguments: expect.anything() } });
    await project.ok(["up", "--skip-preview"]);
    const now = await project.server();
    lab.tell(`up with a good one, and a package more: ${now.sent} of ${first.sent} bytes`);
    expect(now.sent).toBeGreaterThan(0);
    expect(now.sent).toBeLessThanOrEqual(0.02 * first.sent);
    expect(now.fallback).toBe(known.checksum);
    expect(await on(lab.vps, "wget -qO- http://127.0.0.1/; echo; tree --version; cat /proc/cmdline")).toMatch(
      /^A better page\n\s*tree v.* no_timer_check\b/s,
    );
    expect(await bootId(lab.vps)).not.toBe(boot);
    expect(now.failed).toBeUndefined();
  },
);

step("other keys and files alone: no reboot", async () => {
  const boot = await bootId(lab.vps);
  const key = join(lab.work, "vps", "other");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "other", "-f", key]);
  await project.set({ authorizedKeys: [readFileSync(`${key}.pub`, "utf8").trim()] });
  await project.secret("token", secrets.tokens[1]!);
  await project.ok(["up", "--skip-preview"]);
  expect(await bootId(lab.vps)).toBe(boot);
  expect(await on(lab.vps, "cat /etc/pine-demo/token")).toBe(secrets.tokens[1]!);
  // a fall-back has it too
  const copies = await on(
    lab.vps,
    "for d in /sysroot/ostree/deploy/pine/deploy/*/; do cat $d/etc/pine-demo/token; echo; done",
  );
  expect(copies.trim().split("\n")).toEqual([secrets.tokens[1]!, secrets.tokens[1]!]);
  const plain = ["-F", "none", "-p", String(lab.vps.port), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"];
  const known = [
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    `UserKnownHostsFile=${join(lab.work, "vps", "vps.known_hosts")}`,
  ];
  expect((await run("ssh", [...plain, ...known, "-i", key, "root@127.0.0.1", "hostname"])).stdout).toBe("web-1");
  lab.tell("up with other keys and another file");
});

step("refresh sees what runs", async () => {
  const { booted } = await project.server();
  await project.ok(["refresh"]);
  const now = await project.server();
  expect(now.booted).toEqual(booted);
  // nobody changed anything in /etc: what Pine and the system write there does not count
  expect(now.changedFiles).toBeUndefined();
  await project.ok(["preview", "--expect-no-changes"]);
  lab.tell("refresh");
});

step("no secret in the state, the logs, the store, the image, or a process here and there", async () => {
  await secrets.verdict(PAGE);
  lab.tell("secrets looked for");
});

step("destroy gives Debian back as it was", async () => {
  const { installationId } = await project.server();
  await project.ok(["destroy", "--skip-preview"]);
  lab.tell("destroy");
  expect(await project.state()).toEqual([]);
  expect(await on(lab.vps, ". /etc/os-release; echo $ID; hostname; ls -A /var/lib/pine")).toBe(
    `debian\nvps\n${installationId}`,
  );
  await lab.vps.waitSsh(BOOT_MS);
  expect(differences(before, await listing(lab.vps, DIGESTED))).toEqual([]);
  expect(await secrets.onDisk()).toBe("");
  lab.tell("/etc, /usr and /boot as before");
});
