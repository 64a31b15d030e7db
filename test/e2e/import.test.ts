/**
 * A server that becomes a resource as it is, is changed by hand, rolled back, seen from another machine, and let go.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../provider/local/run.ts";
import { newKey } from "../lab/vps/key.ts";
import { bootId, on, steps, until } from "./hijack-lab.ts";
import { type Person, startPerson } from "./import-cli.ts";
import { type LongLab, startLongLab, TYPE, URN } from "./reinstall-lab.ts";

const step = steps(test);
let lab: LongLab;
let person: Person;

beforeAll(async () => {
  lab = await startLongLab("import");
  person = await startPerson(lab);
});
afterAll(async () => {
  await person?.end();
  await lab?.end();
});

step("an import is refused with what to do, for each reason; and nothing is written", async () => {
  const { port, host } = lab.vps;
  const said = async (id: string, o?: { agent?: boolean }, type = TYPE) => {
    const { exitCode, output } = await person.import(type, "server", id, o);
    expect(exitCode, output).not.toBe(0);
    return output;
  };
  person.knows("");
  expect(await said("web-1:ssh")).toMatch(
    /"web-1:ssh" names no server; the import id of a HostHijack is user@host:port/,
  );
  expect(await said(lab.target)).toMatch(/the host key of the server \S+ is not known here .*known_hosts/);
  person.knows(`[${host}]:${port} ${lab.vps.hostKey}\n`);
  expect(await said(lab.target, { agent: false })).toMatch(/refused the agent's and this user's keys; .*ssh-add/);
  expect(await said("root@127.0.0.1:1")).toMatch(/cannot be imported: .* cannot be reached: .*the import id is/);
  const wrong = join(lab.work, "wrong");
  await newKey(wrong, "ed25519", "x");
  person.knows(`[${host}]:${port} ${readFileSync(`${wrong}.pub`, "utf8")}`);
  expect(await said(lab.target)).toMatch(/cannot be imported: wrong host key/);
  for (const other of ["Rootfs", "OstreeCommit", "DiskImage"])
    expect(await said("some-id", {}, `pine:index:${other}`)).toMatch(/cannot be imported; create/);
  person.knows(`[${host}]:${port} ${lab.vps.hostKey}\n`);
  expect(await said(lab.target)).toMatch(
    /cannot be imported: it runs Debian .*Pine did not install it; create the resource/,
  );
  expect((await lab.vps.ssh("ls -d /boot/grub/pine /ostree /run/pine* 2>/dev/null")).stdout).toBe("");
  expect(await lab.inState()).toBeUndefined();
  lab.tell("imports refused");
});

step("an import gives what runs; the program then changes keys and files only", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  lab.tell("up");
  const [before, boot] = [await lab.record(), await bootId(lab.vps)];
  await lab.project.simple(["state", "delete", "--yes", URN]);
  const { exitCode, output } = await person.import(TYPE, "server", lab.target);
  expect(exitCode, output).toBe(0);
  const found = (await lab.inState())!;
  expect(found.id).toBe(before.id);
  expect(found.inputs).toMatchObject({ hostname: "web-1", commit: found.outputs.booted.checksum });
  expect(found.inputs.connection).toMatchObject({ host: lab.vps.host, port: lab.vps.port, hostKey: lab.vps.hostKey });
  expect(found.outputs).toMatchObject({ installationId: before.id, facts: { hostname: "web-1" }, plan: {} });
  await lab.project.simple(["state", "unprotect", "--yes", URN]);
  expect((await lab.project.ok(["preview"])).output).toMatch(/runs already: keys and files are written, no reboot/);
  await lab.project.ok(["up", "--skip-preview"]);
  await lab.project.ok(["preview", "--expect-no-changes"]);
  expect(await bootId(lab.vps)).toBe(boot);
  await lab.isItself();
  lab.tell("import, preview, up");
});

step("what was changed by hand is shown by refresh, and repaired by the next up", async () => {
  const stranger = join(lab.work, "stranger");
  await newKey(stranger, "ed25519", "stranger");
  const key = readFileSync(`${stranger}.pub`, "utf8").trim();
  const keys = "/root/.ssh/authorized_keys";
  const own = await on(lab.vps, `cat ${keys}`);
  await lab.vps.ssh(`cat >>${keys}; echo other >/etc/pine-demo/note; rm /etc/pine-demo/token`, { input: `${key}\n` });
  const boot = await bootId(lab.vps);
  const { output } = await lab.project.ok(["refresh"]);
  expect(output).toMatch(/root has a key that Pine did not put there/);
  expect(output).toMatch(/\/etc\/pine-demo\/token is gone there/);
  expect(output).toMatch(/\/etc\/pine-demo\/note has other content there/);
  const diff = (await lab.project.ok(["preview", "--diff"])).output;
  expect(diff).toMatch(/- authorizedKeys: \[/);
  expect(diff).toContain(`[0]: "${key}"`);
  expect(diff).toMatch(/\+ \/etc\/pine-demo\/token: \{\s+\+ content: \[secret\]/);
  expect(diff).toMatch(/content\s*:.*other.*a note of no importance/s);
  await lab.project.ok(["up", "--skip-preview"]);
  expect(await on(lab.vps, `cat ${keys}`)).toBe(own);
  expect(await bootId(lab.vps)).toBe(boot);
  await lab.isItself();
  await on(lab.vps, "chmod 644 /etc/pine-demo/token; hostname other");
  const again = (await lab.project.ok(["refresh"])).output;
  expect(again).toMatch(/\/etc\/pine-demo\/token has mode 0644 there/);
  expect(again).toMatch(/the hostname is other there, not web-1/);
  expect((await lab.project.ok(["preview", "--diff"])).output).toMatch(/hostname\s*: "other" => "web-1"/);
  await lab.project.ok(["up", "--skip-preview"]);
  await lab.isItself();
  await lab.project.ok(["refresh"]);
  await lab.project.ok(["preview", "--expect-no-changes"]);
  lab.tell("drift seen and repaired");
});

step(
  "a commit that failed is tried again when triggers change; one that was rolled back by hand is shown",
  async () => {
    await lab.project.set({ packages: ["lighttpd", "tree"] });
    lab.program({ health: "test -e /var/healthy", inputs: { triggers: "[one]" } });
    const bad = await lab.project.run(["up", "--skip-preview"]);
    expect(bad.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
    lab.tell("an unhealthy update went back");
    await on(lab.vps, "touch /var/healthy");
    expect((await lab.project.run(["up", "--skip-preview"])).errors.join()).toMatch(/failed on this server before/);
    lab.program({ health: "test -e /var/healthy", inputs: { triggers: "[two]" } });
    await lab.project.ok(["up", "--skip-preview"]);
    expect(await on(lab.vps, "tree --version")).toMatch(/^tree v/);
    lab.tell("tried again");
    const { booted, fallback } = await lab.project.server();
    const other = booted.slot === "a" ? "b" : "a";
    await on(lab.vps, `/usr/sbin/pine arm ${other} && /usr/sbin/pine reboot`);
    const up = new RegExp(`^running=${other}\n[^]*^completed=1$`, "m");
    await until("the other slot runs", async () => up.test(await lab.status().catch(() => "")));
    await on(lab.vps, "/usr/sbin/pine confirm");
    expect((await lab.project.ok(["refresh"])).output).toMatch(/commit [0-9a-f]{12} runs, not the one deployed last/);
    expect((await lab.project.server()).booted.checksum).toBe(fallback);
    expect((await lab.project.ok(["preview"])).output).toMatch(/update [0-9a-f]{12} => [0-9a-f]{12}: send a delta/);
    await lab.project.ok(["up", "--skip-preview"]);
    expect((await lab.project.server()).booted.checksum).toBe(booted.checksum);
    lab.tell("rolled back by hand, and brought back");
  },
);

step("from a machine with an empty store: preview says what is made again, up makes the same", async () => {
  const [boot, { booted }] = [await bootId(lab.vps), await lab.project.server()];
  await lab.project.set({ "pine:store": join(lab.work, "empty") });
  const { output } = await lab.project.ok(["preview"]);
  expect(output).toMatch(/not in the store \S+: made again from the lock/);
  expect(output).toMatch(/commit [0-9a-f]{12} is not in the store \S+: it is made again/);
  await lab.project.set({ hostname: "web-2" }); // a change of the server as well
  expect((await lab.project.ok(["preview"])).output).toMatch(/new name for commit .* 1 reboot/);
  await lab.project.set({ hostname: "web-1" });
  await lab.project.ok(["up", "--skip-preview"]);
  const commits = await run("ls", [join(lab.work, "empty", "commits")]);
  expect(commits.stdout).toContain(`${booted.checksum}.json`);
  expect((await lab.project.server()).booted).toEqual(booted);
  expect(await bootId(lab.vps)).toBe(boot);
  lab.tell("made again");
});

step("from an empty store with another program: what the server runs is made again, so a delta is sent", async () => {
  const { booted } = await lab.project.server();
  await lab.project.set({ "pine:store": join(lab.work, "empty-too"), packages: ["lighttpd"] });
  await lab.project.ok(["up", "--skip-preview"]);
  const now = await lab.project.server();
  expect(now.fallback).toBe(booted.checksum);
  lab.tell(`sent ${now.sent} bytes`);
  expect(now.sent).toBeGreaterThan(0);
  expect(now.sent).toBeLessThan(3e6); // the whole commit is some 50 MB
});

step("destroy leaves or restores, as onDestroy says", async () => {
  lab.program({ inputs: { onDestroy: "retain" } });
  await lab.project.ok(["up", "--skip-preview"]);
  expect((await lab.project.ok(["destroy", "--skip-preview"])).output).toMatch(/stays as it is \(onDestroy: retain\)/);
  expect(await lab.project.state()).toEqual([]);
  expect(await lab.status()).toMatch(/^running=[ab]\n/);
  expect((await person.import(TYPE, "server", lab.target)).exitCode).toBe(0);
  await lab.project.simple(["state", "unprotect", "--all", "--yes"]);
  // the import knows no key: the program gives it
  lab.program();
  await lab.project.ok(["up", "--skip-preview"]);
  await lab.project.ok(["destroy", "--skip-preview"]);
  const left = ". /etc/os-release; echo $ID; ls -d /boot/grub/pine /ostree 2>/dev/null || true";
  expect(await on(lab.vps, left)).toBe("debian");
  lab.tell("retained, restored");
});
