/** Every way back from a system that does not come up: the server answers as what it was, and the error says why. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ended, withInputs } from "./hijack-cli.ts";
import { BOOT_MS, bootId, type Lab, on, startLab, steps, until } from "./hijack-lab.ts";
import { boots, breakSlot, type Sabotage, Watch } from "./returning-lab.ts";

const step = steps(test);
/** Seconds; a healthy boot on a machine that does much else must fit. */
const DEADMAN = 120;
const SILENT = "the new system did not come up far enough to answer; the server went back to";
let lab: Lab;
let program = "";

beforeAll(async () => {
  lab = await startLab("returning", { faulty: true, erst: true });
  lab.project.edit((text) => {
    program = withInputs(text, { trialTimeout: DEADMAN });
    return program;
  });
});
afterAll(() => lab?.end());

/** The example's program with more inputs of the server, or other lines. */
const asked = (change: (text: string) => string) => lab.project.edit(() => change(`${program}\n`));
const input = (inputs: object) => asked((text) => withInputs(text, inputs));
const plain = () => asked((text) => text);

/** A trial of the same commit under another name is the cheapest: nothing is sent. */
let names = 0;
const another = () => lab.project.set({ hostname: `web-${++names + 1}` });

/** What an `up` that must fail said, on one line; and that so many boots led to what answers now. */
async function fails(what: string, count: number, work: () => Promise<Ended>): Promise<string> {
  const from = (await lab.vps.console()).length;
  const { exitCode, errors, output } = await work();
  expect(exitCode, output).not.toBe(0);
  expect(errors, output).toHaveLength(1);
  lab.tell(`${what}: ${errors[0]}`);
  expect(await boots(lab.vps, from)).toBe(count);
  return errors[0]!;
}
const up = () => lab.project.run(["up", "--skip-preview"]);

async function debianAnswers(): Promise<void> {
  expect(await on(lab.vps, ". /etc/os-release; echo $ID; cat /proc/cmdline")).toMatch(/^debian\n(?!.*pine\.)/);
}

/** What the state says runs, confirmed, and nothing of the trial is left. */
const confirmedAnswers = () => answersAs("trial=");

async function answersAs(trial: string): Promise<void> {
  const { booted } = await lab.project.server();
  const status = await on(lab.vps, "/usr/libexec/pine/agent status");
  expect(status).toMatch(new RegExp(`^checksum=${booted.checksum}\n(.*\n)*slot=${booted.slot}\n${trial}\n`, "m"));
}

const busybox = (lines: string) => `#!/bin/sh\n${lines}\n`;

// truncated only here: after a warm reboot of the same kernel the rest still lies where GRUB loads it, and it boots
const installs: [string, Sabotage, RegExp][] = [
  // of what firmware kept of it, by Debian's systemd
  [
    "a kernel panic",
    { initramfs: { path: "init", text: busybox("exit 1") } },
    /pstore: .*Kernel panic - not syncing: /,
  ],
  ["a truncated kernel", { kernel: "cut" }, /^(?!.*pstore: )/],
];
for (const [what, sabotage, crash] of installs)
  step(`first install, ${what}: Debian answers`, async () => {
    await breakSlot(lab.vps, "a", sabotage, true);
    const error = await fails(what, 2, up);
    expect(error).toContain(`${SILENT} the old system`);
    expect(error).toMatch(/its kernel was started and never mounted its root file system \(a panic/);
    expect(error.replaceAll("\n", " ")).toMatch(crash);
    await debianAnswers();
  });

step("a good install takes one boot", async () => {
  // what failed twice is not tried again as it was
  await another();
  const from = (await lab.vps.console()).length;
  const watch = new Watch(lab.vps.port);
  await lab.project.ok(["up", "--skip-preview"]);
  const silent = await watch.end();
  expect(await boots(lab.vps, from)).toBe(1);
  await confirmedAnswers();
  // the same system again, by its own reboot: what a boot takes
  const again = new Watch(lab.vps.port);
  const boot = await bootId(lab.vps);
  await lab.vps.ssh("reboot");
  await until("it is back", async () => {
    const id = await bootId(lab.vps).catch(() => "");
    return /^[0-9a-f-]{36}$/.test(id) && id !== boot;
  });
  const own = await again.end();
  lab.tell(`install: silent for ${silent.toFixed(1)} s, a reboot of the new system for ${own.toFixed(1)} s`);
});

const NEVER = /never mounted its root file system/;
const findfs = (lines: string): Sabotage => ({ initramfs: { path: "bin/findfs", text: busybox(lines) } });
const updates: [string, Sabotage, number, RegExp, RegExp?][] = [
  // GRUB itself goes on where it has no kernel
  ["no kernel", { kernel: "none" }, 1, /GRUB could not load its kernel or initramfs/],
  ["no root found", { options: "root=UUID=[^ ]*,root=UUID=00000000-0000-4000-8000-000000000000" }, 2, NEVER],
  ["a hang in the initramfs", findfs("while :; do sleep 10; done"), 2, NEVER],
  [
    "a hard hang in the initramfs, with a watchdog",
    // a panic that does not reboot: interrupts are off
    findfs("sleep 3; echo 0 >/proc/sys/kernel/panic; echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger"),
    2,
    NEVER,
    // no systemd is there to take it away
    /phase=kernel\n(.*\n)*reason=.*; Kernel panic - not syncing: sysrq triggered crash\n\n(pstore: .*\n)+/,
  ],
];
for (const [what, sabotage, count, said, report] of updates)
  step(`update, ${what}: what ran before answers`, async () => {
    await another();
    await breakSlot(lab.vps, "b", sabotage, true);
    const error = await fails(what, count, up);
    expect(error).toContain(`${SILENT} slot a, commit`);
    expect(error).toMatch(said);
    await confirmedAnswers();
    if (report) expect(await on(lab.vps, 'pine logs "$(pine logs | head -n 1 | cut -d " " -f 1)"')).toMatch(report);
  });

step("update, GRUB cannot write its state: no trial, no loop", async () => {
  await another();
  const from = (await lab.vps.console()).length;
  const since = async (pattern: RegExp) =>
    until(String(pattern), async () => pattern.test((await lab.vps.console()).slice(from)));
  // the old kernel writes until it is gone, the next one as soon as it is there
  const deaf = (async () => {
    await since(/SeaBIOS \(version/);
    await lab.disk!.fail(true);
    await since(/pine: slot=\S* trial=/);
    await lab.disk!.fail(false);
  })();
  const error = await fails("GRUB cannot write", 1, up);
  await deaf;
  expect(error).toMatch(
    /GRUB did not boot the new system: it could not write its state.*; the server went back to slot a, commit/,
  );
  await confirmedAnswers();
});

step("update, a service that hangs before the network is up: its last words are told", async () => {
  const service = [
    "        /etc/init.d/hang:",
    '          mode: "0755"',
    "          content: |",
    "            #!/sbin/openrc-run",
    "            depend() {",
    "              before networking",
    "            }",
    "            start() {",
    '              einfo "the service that never ends"',
    "              while :; do sleep 10; done",
    "            }",
  ];
  asked((text) =>
    text.replace(
      "        default: [lighttpd]\n      files:\n",
      `        default: [lighttpd]\n        boot: [hang]\n      files:\n${service.join("\n")}\n`,
    ),
  );
  const error = await fails("userland hung", 2, up);
  expect(error).toMatch(/its root file system was mounted, and then no login came through/);
  expect(error).toMatch(/the last lines of its console:\n.*the service that never ends/s);
  plain();
  await confirmedAnswers();
});

step("update, a network that is wrong", async () => {
  input({ network: { mode: "static", addresses: ["10.99.99.2/24"], gateways: ["10.99.99.1"] } });
  const error = await fails("network", 2, up);
  expect(error).toMatch(/its root file system was mounted, and then no login came through.*last lines of its console/s);
  plain();
  await confirmedAnswers();
});

step("update, a health check that fails: two boots", async () => {
  await another();
  asked((text) => text.replace("timeout: 30\n", 'timeout: 30\n        - command: "false"\n          timeout: 2\n'));
  const watch = new Watch(lab.vps.port);
  const error = await fails("health", 2, up);
  lab.tell(`longest silence: ${(await watch.end()).toFixed(1)} s`);
  expect(error).toMatch(/health check \d of \d \(command\) failed for 2 s: exit code 1/);
  expect(error).toMatch(/the last lines of its console:\n(.*\n)*.*Starting lighttpd/);
  expect(error).not.toMatch(/Stopping|Unmounting/);
  plain();
  await confirmedAnswers();
});

step("update, provider gone before it could confirm", async () => {
  await another();
  const boot = await bootId(lab.vps);
  const from = (await lab.vps.console()).length;
  const running = lab.project.start(["up", "--skip-preview"]);
  await running.saw(/waiting for the server to answer/);
  process.kill(-running.pid, "SIGKILL");
  await running.ended;
  lab.project.end();
  await until("two boots", async () => (await boots(lab.vps, from)) === 2);
  await lab.vps.waitSsh(BOOT_MS);
  expect(await bootId(lab.vps)).not.toBe(boot);
  // nobody was there to say that the trial is over; it has no tries left
  await answersAs("trial=b\ntries=0");
  lab.tell("by the dead-man");
  await lab.project.simple(["cancel", "--yes"]);
  await lab.project.ok(["up", "--skip-preview"]);
  await confirmedAnswers();
});

step("a confirmed slot that does not come up three times leads to the other one", async () => {
  const { booted } = await lab.project.server();
  expect(booted.slot).toBe("b");
  await breakSlot(lab.vps, "b", { initramfs: { path: "init", text: busybox("exit 1") } });
  const from = (await lab.vps.console()).length;
  await lab.vps.ssh("reboot");
  await until("four boots", async () => (await boots(lab.vps, from)) === 4);
  await lab.vps.waitSsh(BOOT_MS);
  // its last service says so: SSH answers a little before
  await until("slot a is the good one", async () =>
    /^running=a\n(.*\n)*slot=a\n(.*\n)*boots=\n/m.test(await on(lab.vps, "/usr/libexec/pine/agent status")),
  );
  lab.tell("three panics, then slot a");
});

step("and where that does not come up either, to the old system; the next up completes", async () => {
  await breakSlot(lab.vps, "a", { initramfs: { path: "init", text: busybox("exit 1") } });
  const from = (await lab.vps.console()).length;
  await lab.vps.ssh("reboot");
  await until("seven boots", async () => (await boots(lab.vps, from)) === 7);
  await lab.vps.waitSsh(BOOT_MS);
  await debianAnswers();
  lab.tell("six panics, then Debian");
  const preview = await lab.project.ok(["preview", "--refresh"]);
  expect(preview.output).toMatch(/alongside Debian 12/);
  await lab.project.ok(["up", "--refresh", "--skip-preview"]);
  await confirmedAnswers();
});
