/** What a rehearsal's machine told, and what is concluded from it and from how it ended. */
import { describe, expect, it } from "vitest";
import { consoleLines } from "../../../provider/rehearsal/machine.ts";
import { parseReport } from "../../../provider/rehearsal/report.ts";
import { type Ended, type Expected, verdict } from "../../../provider/rehearsal/verdict.ts";
import { fixture } from "./fixture.ts";

const GOOD = fixture("good");
/** With a check that fails at once. */
const BAD = GOOD.replace("did not end within 2 s", "no connection");
const interfaces = `iface eth0 inet static
    address 203.0.113.7/24
    up ip -6 addr add 2001:db8::7/64 dev eth0 || true
`;
const { keys } = parseReport(GOOD);
const wanted = (change: Partial<Expected> = {}): Expected => ({
  interfaces,
  keys: keys!.sha256,
  sshPorts: [22],
  leaveOut: ["outside"],
  ...change,
});
const ended = (change: Partial<Ended> = {}): Ended => ({
  how: "itself",
  seconds: 60,
  limit: 300,
  accelerator: "tcg",
  slow: 1,
  lastSaid: 59,
  console: [],
  ...change,
});
const judged = (text: string, e: Partial<Ended> = {}, w: Partial<Expected> = {}) =>
  verdict(parseReport(text), wanted(w), ended(e));
const cut = (before: string) => GOOD.slice(0, GOOD.indexOf(before));

describe("a report", () => {
  it("is read whole", () => {
    const report = parseReport(GOOD);
    expect(report).toMatchObject({ ended: true, stopped: [], health: { result: "red" } });
    expect(report.begun).toBeGreaterThan(0);
    expect(report.completed).toBeGreaterThan(report.begun!);
    expect(report.addresses).toEqual(
      expect.arrayContaining([
        { card: "eth0", address: "203.0.113.7" },
        { card: "eth0", address: "2001:db8::7" },
        { card: "eth1", address: "10.0.2.15" },
      ]),
    );
    expect(report.ssh.get(22)).toMatch(/^SSH-2\.0-dropbear/);
    expect(report.health!.checks.map((c) => `${c.name} ${c.state}`)).toEqual([
      "outside red",
      "room warn",
      "token ok",
      "web ok",
    ]);
  });
  it("may end at any letter: no cut is taken for the end, or for another answer than what was told", () => {
    for (let at = 0; at < GOOD.length; at += 7) {
      const report = parseReport(GOOD.slice(0, at));
      expect(report.ended).toBe(false);
      expect(Number.isNaN(report.begun ?? 0) || Number.isNaN(report.completed ?? 0)).toBe(false);
    }
  });
});

describe("a system that told everything", () => {
  it("passes, with what a person should know", () =>
    expect(judged(GOOD)).toEqual({
      answer: "pass",
      reasons: [],
      notes: [expect.stringMatching(/^health check room: \d+ MiB are free/)],
    }));
  it("fails by a check that is required and counts", () =>
    expect(judged(BAD, {}, { leaveOut: [] })).toMatchObject({
      answer: "fail",
      reasons: ["health check outside: no connection"],
    }));
  it("is told that a check it leaves out does not exist", () =>
    expect(judged(GOOD, {}, { leaveOut: ["outside", "wbe"] }).notes).toContain(
      "leaveOut names wbe, and the commit has no such health check",
    ));
  it.each<[string, string, Partial<Expected>, string]>([
    [
      "an address",
      GOOD.replaceAll("203.0.113.7/", "203.0.113.8/"),
      {},
      "network: eth0 does not have the address 203.0.113.7",
    ],
    ["a card's name", GOOD.replaceAll(/eth0 /g, "eth9 "), {}, "network: eth0 does not have the address 203.0.113.7"],
    ["an SSH server", GOOD.replace(/^ssh 22 .*$/m, "ssh 22 "), {}, "SSH: nothing answers on port 22"],
    ["its other port", GOOD, { sshPorts: [22, 2222] }, "SSH: nothing answers on port 2222"],
    ["the server's keys", GOOD, { keys: "0" }, "SSH: root's authorized_keys are not those of the server"],
    [
      "keys that are root's alone",
      GOOD.replace(/^(keys \S+) 600 root$/m, "$1 622 root"),
      {},
      "SSH: root's authorized_keys belong to root with mode 622",
    ],
  ])("fails without %s", (_, text, w, reason) => {
    const { answer, reasons } = judged(text, {}, w);
    expect([answer, reasons]).toEqual(["fail", expect.arrayContaining([reason])]);
  });

  // tailscale/tailscale#19384, zephyrproject-rtos/zephyr#12553: a limit in seconds is no fault of an emulated system
  const isLate = (text: string) =>
    text.replaceAll(/^health web ok .*$/gm, "health web red 10.02 did not end within 10 s");
  const late = isLate(GOOD);
  it("whose check ran out of time: unknown where it is emulated or the machine is slow, else a failure", () => {
    expect(judged(late)).toMatchObject({ answer: "unknown", reasons: ["health check web: did not end within 10 s"] });
    expect(judged(late, { accelerator: "kvm", slow: 3 }).answer).toBe("unknown");
    expect(judged(late, { accelerator: "kvm" }).answer).toBe("fail");
  });
  it("fails all the same where something else is wrong", () =>
    expect(judged(isLate(BAD), {}, { leaveOut: [] }).answer).toBe("fail"));
  it("that had too little memory is no failure", () => {
    const console = ["[   40.1] Out of memory: Killed process 912 (lighttpd) total-vm:9000kB"];
    expect(judged(BAD, { console }, { leaveOut: [] })).toMatchObject({
      answer: "unknown",
      reasons: [expect.stringMatching(/too little memory.*rehearse\.memory/)],
    });
    expect(judged(GOOD, { console }).answer).toBe("pass");
  });
});

describe("one that restarted", () => {
  const console = [
    "[    9.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000",
    "[    9.2] ---",
  ];
  it("fails, and says how far it came", () => {
    expect(judged("", { console, seconds: 21 })).toMatchObject({
      answer: "fail",
      reasons: [
        "it restarted after 21 s (Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000): no service was started",
      ],
    });
    expect(judged("begun 20\nwaiting 25 net db\n").reasons).toEqual([
      "it restarted after 60 s (no panic is told): net, db was starting",
    ]);
    expect(judged(cut("end ")).reasons).toEqual([expect.stringMatching(/it was complete, and was being looked at$/)]);
  });
  // systemd/systemd#8883: watchdogs count seconds, too
  it.each([
    "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [swapper/0:1]",
    "INFO: task openrc:312 blocked for more than 120 seconds.",
    "rcu: INFO: rcu_sched self-detected stall on CPU",
    // seen here, at a load of ten on two cores
    "[    0.017000] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug and send a report.",
  ])("by a watchdog of the kernel is unknown: %s", (line) =>
    expect(judged("", { console: [line, ...console] }).answer).toBe("unknown"),
  );
  it("with QEMU itself is unknown", () =>
    expect(judged("", { how: "failed", problem: "qemu: cannot allocate memory" }).reasons).toEqual([
      "QEMU could not go on: qemu: cannot allocate memory",
    ]));
});

describe("one whose time was up", () => {
  const limit = { how: "limit", seconds: 300, limit: 300 } as const;
  it("and that was silent for long fails within the time that was announced", () =>
    expect(judged("", { ...limit, lastSaid: 12 })).toMatchObject({
      answer: "fail",
      reasons: ["its 300 s were up: no service was started"],
    }));
  it("and that was going on is unknown, emulated, and a failure by KVM", () => {
    expect(judged("begun 90\n", { ...limit, lastSaid: 295 }).answer).toBe("unknown");
    expect(judged("begun 90\n", { ...limit, lastSaid: 295, accelerator: "kvm" }).answer).toBe("fail");
  });
  it("on a machine that became slower meanwhile is unknown", () => {
    expect(judged("", { ...limit, lastSaid: 12, slow: 1.2, slowNow: 4.8 })).toMatchObject({
      answer: "unknown",
      reasons: [expect.stringContaining("4.0 times slower meanwhile")],
    });
    expect(judged("", { ...limit, lastSaid: 12, slow: 4, slowNow: 4.8 }).answer).toBe("fail");
  });
  it("after it had told everything is judged by that", () => expect(judged(GOOD, limit).answer).toBe("pass"));
});

describe("a console", () => {
  it("is shown without the menu of GRUB, escapes and empty lines", () => {
    const lines = consoleLines(fixture("broken-init"));
    expect(lines.join("\n")).not.toMatch(/GNU GRUB|Press enter|\n\s*\n/);
    expect(lines.join("\n")).not.toContain(String.fromCharCode(27));
    expect(lines).toContainEqual(expect.stringMatching(/^Booting `Pine rehearsal \[a, confirmed\]'/));
    expect(lines.at(-1)).toMatch(/reboot: Restarting system$/);
    expect(judged("", { console: lines, seconds: 15 }).answer).toBe("fail");
  });
});
