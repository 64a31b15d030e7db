/**
 * One of the lab's servers taken beside its old system, updated, broken, and given back or up; by a user whose sudo
 * asks for a password.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withSsh } from "../../provider/host/ssh/open.ts";
import { getHostFacts } from "../../provider/resources/facts/get-host-facts.ts";
import { quietTask } from "../../provider/task.ts";
import type { Release } from "../lab/vps/bases.ts";
import type { BootWay } from "../lab/vps/debian.ts";
import type { Layout } from "../lab/vps/layouts.ts";
import { addLogins } from "../lab/vps/logins.ts";
import { bootOld, bootPine, CUSTOM, NEW_KERNEL, plantCustom, withoutPine } from "./alongside-old.ts";
import { withInputs } from "./hijack-cli.ts";
import { BOOT_MS, bootId, differences, type Lab, listing, on, startLab, steps } from "./hijack-lab.ts";
import { testCall } from "./life.ts";

export interface Machine {
  release: Release;
  firmware: BootWay;
  layout: Layout;
  /** What preview says of it beside the usual. */
  says?: RegExp;
  /** The old system gets a new kernel and another grub.cfg in between. */
  newKernel?: true;
  /** The old system is given up at the end, not given back. */
  finalize?: true;
}

const NUMBERS: Record<Release, number> = { bullseye: 11, bookworm: 12, trixie: 13 };
const PAGE = "Hello from an atomic server";
const PASSWORD = `canary it's ${randomBytes(6).toString("hex")}`;

const wanted = (name: string, value: string) => (process.env[name] || value) === value;

/**
 * Whether the environment asks for this machine: PINE_RELEASE, PINE_FIRMWARE, PINE_LAYOUT; what is not set does not
 * count.
 */
export const chosen = (m: Machine) =>
  wanted("PINE_RELEASE", m.release) && wanted("PINE_FIRMWARE", m.firmware) && wanted("PINE_LAYOUT", m.layout);

/** A machine's life while it is led. */
interface Led {
  readonly machine: Machine;
  readonly rootType: "ext4" | "xfs";
  lab: Lab;
  /** The old system's files. */
  before: Map<string, string>;
  first: { checksum: string; sent: number };
}

/** The tests of one life, a step each. */
export function life(machine: Machine): void {
  const { release, firmware, layout } = machine;
  describe(`${release}, ${firmware}, ${layout}`, () => {
    const step = steps(test);
    const led = { machine, rootType: /xfs/.test(layout) ? "xfs" : "ext4" } as Led;
    beforeAll(async () => {
      led.lab = await startLab(`${release}-${firmware}-${layout}`, { release, firmware, layout });
      await prepared(led.lab);
    });
    afterAll(() => led.lab?.end());
    step("its facts and the plan", () => seen(led));
    step("install: Alpine at the same address, with the same keys", () => installed(led));
    step("update", () => updated(led));
    step("an update that fails goes back by itself", () => goesBack(led));
    if (machine.newKernel)
      step("the old system gets a kernel and a grub.cfg of its own, and Pine boots as before", () => newKernel(led));
    if (machine.finalize) {
      step("finalize: the old system's files go, and nothing leads to them", () => finalized(led));
      step("it boots by itself after a power cut, is updated, and goes back from an update that fails", () =>
        goesOn(led),
      );
      step("destroy leaves it as it is, and says so; so does the agent", () => staysAsItIs(led));
    } else step("destroy gives the old system back as it was", () => givenBack(led));
    step("the password is told nowhere", () => secret(led));
  });
}

/** Logins that ask for a password, which the program gives; and what a person wrote into GRUB's custom.cfg. */
async function prepared(lab: Lab): Promise<void> {
  await addLogins(lab.vps, PASSWORD);
  lab.project.edit((text) =>
    text
      .replace(/^ +privateKey: .*$/m, (line) => `${line}\n${line.replaceAll("privateKey", "password")}`)
      .replace(/^resources:$/m, "  password:\n    type: string\n    secret: true\n$&"),
  );
  await lab.project.set({ user: "sudopw" });
  await lab.project.secret("password", PASSWORD);
  await plantCustom(lab.vps);
}

async function seen(led: Led): Promise<void> {
  const { lab, rootType } = led;
  const { release, firmware, says } = led.machine;
  const { host, port, hostKey, privateKey } = lab.vps;
  const connection = { host, port, user: "sudopw", hostKey, privateKey, password: PASSWORD, perDialTimeout: 90 };
  const { result } = (await getHostFacts(testCall({} as never), { connection })) as { result: { facts: object } };
  lab.tell(JSON.stringify(result.facts));
  expect(result.facts).toMatchObject({
    os: `Debian GNU/Linux ${NUMBERS[release]} (${release})`,
    rootFilesystem: rootType,
    firmware: firmware === "bios" ? "bios" : "uefi",
  });
  await withSsh(connection, quietTask(), async (ssh) => expect(ssh.rootWay).toBe("sudo"));
  const { output } = await lab.project.ok(["preview", "--diff"]);
  expect(output).toMatch(
    new RegExp(
      `alongside Debian ${NUMBERS[release]} on vda\\d \\(${rootType}.*keeps 10\\.0\\.2\\.15/24.*destroy restores`,
    ),
  );
  expect(output).toMatch(/note: GRUB's custom\.cfg keeps its own lines; Pine's are added/);
  if (says) expect(output).toMatch(says);
  lab.tell("facts and preview");
  led.before = await listing(lab.vps);
  lab.tell("content of /etc, /usr and /boot");
}

async function installed(led: Led): Promise<void> {
  const { lab, rootType } = led;
  const { layout } = led.machine;
  await lab.project.ok(["up", "--skip-preview"]);
  const { booted, sent } = await lab.project.server();
  led.first = { checksum: booted.checksum, sent };
  expect(await on(lab.vps, "(. /etc/os-release; echo $ID); hostname; wget -qO- http://127.0.0.1/")).toBe(
    `alpine\nweb-1\n${PAGE}`,
  );
  expect(await on(lab.vps, "sed -n 's,^[^ ]* /sysroot \\([a-z0-9]*\\) .*,\\1,p' /proc/mounts")).toBe(rootType);
  if (layout === "parts") expect(await on(lab.vps, "sed 1d /proc/swaps")).toMatch(/^\/dev\/vda\d+ +partition/);
  lab.tell(`up: ${sent} bytes sent`);
}

async function updated(led: Led): Promise<void> {
  const { lab } = led;
  await lab.project.set({ packages: ["lighttpd", "tree"] });
  await lab.project.ok(["up", "--skip-preview"]);
  const { fallback, sent } = await lab.project.server();
  expect(fallback).toBe(led.first.checksum);
  expect(sent).toBeLessThanOrEqual(0.02 * led.first.sent);
  expect(await on(lab.vps, "tree --version")).toMatch(/^tree v/);
  lab.tell(`update: ${sent} bytes sent`);
}

async function goesBack(led: Led): Promise<void> {
  const { lab } = led;
  const { booted } = await lab.project.server();
  await lab.project.set({ webPort: "eighty" });
  const bad = await lab.project.run(["up", "--skip-preview"]);
  expect(bad.exitCode).not.toBe(0);
  expect(bad.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
  expect((await lab.project.server()).booted.checksum).toBe(booted.checksum);
  expect(await on(lab.vps, "wget -qO- http://127.0.0.1/")).toBe(PAGE);
  lab.tell("failed update");
  await lab.project.set({ webPort: "80" });
}

async function newKernel(led: Led): Promise<void> {
  const { lab } = led;
  await bootOld(lab.vps);
  const kernel = await on(lab.vps, NEW_KERNEL, 900_000);
  expect(await on(lab.vps, "grep -c 99.9-lab /boot/grub/grub.cfg"), kernel).not.toBe("0");
  await lab.vps.ssh("reboot");
  await lab.vps.waitSsh(BOOT_MS);
  // its own default is what it was: the newest kernel
  expect(await on(lab.vps, "cat /proc/cmdline")).toMatch(/vmlinuz-99\.9-lab/);
  led.before = withoutPine(await listing(lab.vps), led.before);
  lab.tell("a new kernel on the old side");
  await bootPine(lab.vps);
  expect(await on(lab.vps, "wget -qO- http://127.0.0.1/")).toBe(PAGE);
}

async function givenBack(led: Led): Promise<void> {
  const { lab } = led;
  const { release } = led.machine;
  await lab.project.ok(["destroy", "--skip-preview"]);
  lab.tell("destroy");
  await lab.vps.waitSsh(BOOT_MS);
  expect(await on(lab.vps, ". /etc/os-release; echo $VERSION_CODENAME; hostname")).toBe(`${release}\nvps`);
  expect(differences(led.before, await listing(lab.vps))).toEqual([]);
  expect(await on(lab.vps, "cat /boot/grub/custom.cfg")).toBe(CUSTOM);
  lab.tell("/etc, /usr and /boot as before");
}

async function secret(led: Led): Promise<void> {
  const { lab } = led;
  expect(lab.project.logs.join("\n")).not.toContain(PASSWORD);
  expect(await lab.project.simple(["stack", "export"])).not.toContain(PASSWORD);
}

/** The old system is given up: its space is free, and GRUB knows Pine alone. */
async function finalized(led: Led): Promise<void> {
  const { lab } = led;
  lab.project.edit((text) => withInputs(text, { removeOldSystem: true }));
  const { output } = await lab.project.ok(["preview"]);
  expect(output).toMatch(/then removes Debian \d+ \(\w+\) for good/);
  const used = "df -kP /sysroot | awk 'NR == 2 { print $3 }'";
  const full = Number(await on(lab.vps, used));
  const boot = await bootId(lab.vps);
  const up = await lab.project.ok(["up", "--skip-preview"]);
  expect(up.output).toMatch(/is gone, \d+ MB are free again; destroy cannot restore it any more/);
  const now = Number(await on(lab.vps, used));
  lab.tell(`finalize: ${full} KiB used before, ${now} after`);
  expect(now).toBeLessThan(full - 300_000);
  expect(await lab.project.server()).toMatchObject({ oldSystemRemoved: true });
  expect((await lab.project.server()).plan.restore).toBeUndefined();
  expect(await on(lab.vps, "ls -A /sysroot; ls -A /sysroot/boot")).toMatch(
    /^boot\n(lost\+found\n)?ostree\n(efi\n)?grub\nloader\nloader\.[01]\n(lost\+found\n)?ostree$/,
  );
  expect(await bootId(lab.vps)).toBe(boot);
  await lab.project.ok(["preview", "--expect-no-changes"]);
}

async function goesOn(led: Led): Promise<void> {
  const { lab, rootType } = led;
  await lab.vps.cut();
  await lab.vps.boot();
  await lab.vps.waitSsh(BOOT_MS);
  expect(
    await on(lab.vps, "wget -qO- http://127.0.0.1/; sed -n 's,^[^ ]* /sysroot \\([a-z0-9]*\\) .*,\\1,p' /proc/mounts"),
  ).toBe(`${PAGE}\n${rootType}`);
  await lab.project.set({ page: "After finalize" });
  await lab.project.ok(["up", "--skip-preview"]);
  expect(await on(lab.vps, "wget -qO- http://127.0.0.1/")).toBe("After finalize");
  const { booted } = await lab.project.server();
  await lab.project.set({ webPort: "eighty" });
  const bad = await lab.project.run(["up", "--skip-preview"]);
  expect(bad.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
  expect((await lab.project.server()).booted.checksum).toBe(booted.checksum);
  lab.tell("power cut, update and failed update");
}

async function staysAsItIs(led: Led): Promise<void> {
  const { lab } = led;
  const old = await lab.vps.ssh("/usr/sbin/pine old");
  expect([old.exitCode, old.stderr]).toEqual([1, expect.stringMatching(/there is no old system any more/)]);
  const { output } = await lab.project.ok(["destroy", "--skip-preview"]);
  expect(output).toMatch(/the server stays as it is: removeOldSystem removed its old system/);
  expect(await on(lab.vps, "wget -qO- http://127.0.0.1/")).toBe("After finalize");
}

/** For a file of tests: those of the machines that are asked for. */
export function lives(machines: Machine[]): void {
  const asked = machines.filter(chosen);
  for (const machine of asked) life(machine);
  if (asked.length === 0)
    test.skip("no machine here is asked for by PINE_RELEASE, PINE_FIRMWARE and PINE_LAYOUT", () => {});
}
