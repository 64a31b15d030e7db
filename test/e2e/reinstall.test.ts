/** A server's reinstalls, wanted by one or by two; what a killed run left; a server that has vanished. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Project } from "./hijack-cli.ts";
import { BOOT_MS, bootId, on, secondLaptop, steps, until } from "./hijack-lab.ts";
import { sentShare } from "./hijack-traces.ts";
import { type LongLab, type More, startLongLab, URN } from "./reinstall-lab.ts";

const step = steps(test);
const ALONE = /another installation is on this server: nothing is changed on it/;
let lab: LongLab;
/** Another folder and another backend with the same stack, as on a second laptop. */
let second: Project;
const program = (more?: More) => lab.program(more, [lab.project, second]);

beforeAll(async () => {
  lab = await startLongLab("reinstall");
  second = await secondLaptop(lab);
  program();
});
afterAll(async () => {
  second?.end();
  await lab?.end();
});

step("--replace of a half-made install: a new one, and the old resource's delete undoes nothing", async () => {
  const up = lab.project.start(["up", "--skip-preview"]);
  await sentShare(up, 0.3);
  up.interrupt();
  expect((await up.ended).exitCode).not.toBe(0);
  const half = (await lab.inState())!;
  expect(half.initErrors).toEqual([expect.stringMatching(/^cancelled; .*run `pulumi up` again/)]);
  lab.tell("Ctrl-C at 30 % of the transfer");
  const { output } = await lab.project.ok(["up", "--replace", URN, "--skip-preview"]);
  expect(output).toMatch(ALONE);
  lab.tell("up --replace");
  expect((await lab.inState())!.id).not.toBe(half.id);
  await lab.isItself();
});

step(
  "--replace on Pine: a new deployment with the image's /etc; of a second up the first one's lock is told",
  async () => {
    const [before, boot] = [await lab.record(), await bootId(lab.vps)];
    await on(lab.vps, "echo x >/etc/by-hand; echo y >/var/by-hand");
    const preview = await lab.project.ok(["preview", "--replace", URN]);
    expect(preview.output).toMatch(
      /reinstall of Pine, which runs here .* 1 reboot; keeps \/var, name, network and keys/,
    );
    // healthy once the other one has been told
    lab.program({ health: "test -e /var/go", patience: 900 });
    const up = lab.project.start(["up", "--replace", URN, "--skip-preview"]);
    await up.saw(/^health check/);
    const other = await second.run(["up", "--skip-preview"]);
    lab.tell(`a second up during the trial: ${other.errors.join()}`);
    expect(other.exitCode).not.toBe(0);
    expect(other.errors).toEqual([
      expect.stringMatching(/^another operation holds the server's lock: pine-server-yaml\/test by \S+@/),
    ]);
    await on(lab.vps, "touch /var/go");
    const { exitCode, output } = await up.ended;
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(ALONE);
    lab.tell("up --replace");
    expect(await bootId(lab.vps)).not.toBe(boot);
    expect((await lab.record()).id).not.toBe(before.id);
    expect(await on(lab.vps, "[ ! -e /etc/by-hand ] && cat /var/by-hand")).toBe("y");
    await lab.isItself();
  },
);

step("a reinstall that customTimeouts end: a clear error, half made, and the next up goes on with it", async () => {
  await on(lab.vps, "echo x >/etc/by-hand");
  program({ timeout: "60s", health: "test -e /var/never" });
  const cut = await lab.project.run(["up", "--replace", URN, "--skip-preview"]);
  expect(cut.exitCode).not.toBe(0);
  expect(cut.errors.join()).toMatch(/took longer than the 60 s of customTimeouts .*run `pulumi up` again to go on/);
  lab.tell(`ended: ${cut.errors.join().trim()}`);
  expect((await lab.inState())!.initErrors).toHaveLength(1);
  program();
  await lab.vps.waitSsh(BOOT_MS); // what is on trial, or what runs again
  await until("the server's system is up", async () => /^completed=1$/m.test(await lab.status().catch(() => "")));
  const { output } = await lab.project.ok(["up"]);
  lab.tell("the next up");
  expect(output).toMatch(/reinstall of Pine|an unconfirmed trial runs/);
  expect((await lab.vps.ssh("ls /etc/by-hand")).exitCode).not.toBe(0);
  await lab.isItself();
});

step("what a run that was killed left is taken over as it is; of another stack it is refused", async () => {
  const boot = await bootId(lab.vps);
  // as when the process dies between the confirmation and its answer to the engine
  await lab.project.simple(["state", "delete", "--yes", URN]);
  await on(lab.vps, "sed -i /^done=/d /boot/grub/pine/install");
  expect((await lab.project.ok(["preview"])).output).toMatch(
    /takes over what a run that was cut off left: .*no reboot/,
  );
  await lab.project.ok(["up", "--skip-preview"]);
  expect(await bootId(lab.vps)).toBe(boot);
  await lab.isItself();
  await second.simple(["stack", "rename", "other"]);
  const { output, exitCode } = await second.run(["preview"]);
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(/the server belongs to another stack: pine-server-yaml\/test/);
  await second.simple(["stack", "rename", "test"]);
  lab.tell("adopted; refused to another stack");
});

step("the later up of a second laptop succeeds, and the first one is told", async () => {
  await second.ok(["up", "--skip-preview"]);
  lab.tell("the second laptop's up");
  await lab.project.set({ hostname: "web-9" });
  expect((await lab.project.run(["preview"])).output).toMatch(
    /another installation is on this server now, made by another/,
  );
  await lab.project.set({ hostname: "web-1" });
  const { output } = await lab.project.ok(["destroy", "--skip-preview"]);
  expect(output).toMatch(ALONE);
  expect(await lab.status()).toMatch(/^running=[ab]\n/);
});

step("a server that has vanished: refresh keeps it, destroy fails, and forgets it when told to", async () => {
  const at = second.server.bind(second);
  await lab.vps.cut();
  const { booted } = await at();
  expect((await second.ok(["refresh"])).output).toMatch(
    /could not be read, so its last known state is kept: .*cannot be reached/,
  );
  expect((await at()).booted).toEqual(booted);
  expect((await second.run(["destroy", "--skip-preview"])).output).toMatch(/cannot be reached/);
  program({ inputs: { whenUnreachable: "forget" } });
  expect((await second.ok(["up"])).output).toMatch(/nothing is done on the server/);
  expect((await second.ok(["destroy", "--skip-preview"])).output).toMatch(
    /the resource is removed from the state, and the server was not changed/,
  );
  expect(await second.state()).toEqual([]);
  lab.tell("vanished, forgotten");
});
