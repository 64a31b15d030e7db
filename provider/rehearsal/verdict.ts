/** What a rehearsal has shown. Pure. */
import { addressesOf } from "./guest.ts";
import type { Accelerator } from "./qemu.ts";
import type { Report } from "./report.ts";

export type Answer = "pass" | "fail" | "unknown";

export interface Verdict {
  answer: Answer;
  /** Why it is no pass, one line each. */
  reasons: string[];
  /** What a person should know all the same. */
  notes: string[];
}

/** What the server is to be like. */
export interface Expected {
  /** Text of /etc/network/interfaces. */
  interfaces: string;
  /** Digest of root's authorized_keys; absent: none are given. */
  keys?: string;
  sshPorts: number[];
  leaveOut: string[];
}

/** How the machine ended. */
export interface Ended {
  /** itself: it turned itself off, or restarted. limit: its time was up. failed: QEMU could not go on. */
  how: "itself" | "limit" | "failed";
  /** Seconds that it took, and that it was given. */
  seconds: number;
  limit: number;
  accelerator: Accelerator;
  /** How much slower than the reference this machine was before (at least 1), and is now; the latter after a limit. */
  slow: number;
  slowNow?: number;
  /** Seconds at which it last said something. */
  lastSaid: number;
  /** The last lines of its console, and of QEMU itself. */
  console: string[];
  problem?: string;
}

/** From here on a machine counts as too slow to tell a time limit from a fault. */
const SLOW = 1.5;

/** The kernel's own time limits, which a machine without CPU time runs into, too. */
const WATCHDOGS = /soft lockup|hard LOCKUP|blocked for more than \d+ seconds|rcu.*(stall|starved)|timer doesn't work/i;
const NO_MEMORY = /Out of memory: Killed|Kernel panic - not syncing: (System is deadlocked|Out of memory)/;
/** What libexec/pine/health says of a check that ran out of time. */
const LATE = /^did not end within/;

const unknown = (reason: string, notes: string[] = []): Verdict => ({ answer: "unknown", reasons: [reason], notes });
const fail = (reasons: string[], notes: string[] = []): Verdict => ({ answer: "fail", reasons, notes });

/** How far a boot came, in words. */
export function reached({ begun, completed, starting }: Pick<Report, "begun" | "completed" | "starting">): string {
  if (completed !== undefined) return "it was complete, and was being looked at";
  if (begun === undefined) return "no service was started";
  return starting.length > 0 ? `${starting.join(", ")} was starting` : "the services were starting";
}

/** What speaks against a system that came up, apart from its health checks. */
function faults({ addresses, ssh, keys }: Report, wanted: Expected): string[] {
  const missing = addressesOf(wanted.interfaces).filter(
    ({ card, address }) => !addresses.some((a) => a.card === card && a.address === address),
  );
  const silent = wanted.sshPorts.filter((port) => !/^(SSH-|listening$)/.test(ssh.get(port) ?? ""));
  // sshd and dropbear refuse a file that others may write to
  const loose = keys !== undefined && (keys.owner !== "root" || (Number.parseInt(keys.mode, 8) & 0o022) !== 0);
  return [
    ...missing.map(({ card, address }) => `network: ${card} does not have the address ${address}`),
    ...silent.map((port) => `SSH: nothing answers on port ${port}`),
    ...(wanted.keys !== undefined && keys?.sha256 !== wanted.keys
      ? ["SSH: root's authorized_keys are not those of the server"]
      : []),
    ...(loose ? [`SSH: root's authorized_keys belong to ${keys.owner} with mode ${keys.mode}`] : []),
  ];
}

/** Judges a system that told everything. */
function judge(report: Report, wanted: Expected, { accelerator, slow }: Ended): Verdict {
  const checks = report.health?.checks ?? [];
  const left = new Set(wanted.leaveOut);
  const bad = checks.filter((c) => c.state === "red" && !left.has(c.name));
  const late = bad.filter((c) => LATE.test(c.text));
  const notes = [
    ...report.stopped.map((name) => `the service ${name} does not run`),
    ...checks.filter((c) => c.state === "warn" && !left.has(c.name)).map((c) => `health check ${c.name}: ${c.text}`),
    ...wanted.leaveOut
      .filter((name) => !checks.some((c) => c.name === name))
      .map((name) => `leaveOut names ${name}, and the commit has no such health check`),
  ];
  const words = (found: typeof bad) => found.map((c) => `health check ${c.name}: ${c.text}`);
  const reasons = [...faults(report, wanted), ...words(bad.filter((c) => !late.includes(c)))];
  if (reasons.length > 0) return fail([...reasons, ...words(late)], notes);
  if (late.length === 0) return { answer: "pass", reasons: [], notes };
  // an emulated processor takes many times as long as the server's
  const honest = accelerator === "kvm" && slow < SLOW;
  return { answer: honest ? "fail" : "unknown", reasons: words(late), notes };
}

/** Judges one that was still at it when its time was up. */
function tooLate(report: Report, e: Ended): Verdict {
  const took = `its ${Math.round(e.limit)} s were up: ${reached(report)}`;
  if (e.slowNow !== undefined && e.slowNow > e.slow * SLOW)
    return unknown(`${took}; this machine has become ${(e.slowNow / e.slow).toFixed(1)} times slower meanwhile`);
  // emulated, it may just be slow: one that has been silent for a third of its time hangs
  const moving = e.accelerator === "tcg" && e.seconds - e.lastSaid < e.limit / 3;
  return moving ? unknown(`${took}; it was still going on, on an emulated processor`) : fail([took]);
}

/** The verdict from what the machine told and how it ended. */
export function verdict(report: Report, wanted: Expected, ended: Ended): Verdict {
  const text = ended.console.join("\n");
  const judged = report.ended ? judge(report, wanted, ended) : undefined;
  if (judged && judged.answer !== "fail") return judged;
  if (NO_MEMORY.test(text))
    return unknown(`it had too little memory: ${reached(report)}; give it more with rehearse.memory`);
  if (judged) return judged;
  if (WATCHDOGS.test(text))
    return unknown(`the kernel ran out of time, which a slow machine does, too: ${reached(report)}`);
  if (ended.how === "failed") return unknown(`QEMU could not go on: ${ended.problem ?? "it says nothing"}`);
  if (ended.how === "limit") return tooLate(report, ended);
  const panic = /Kernel panic - not syncing: .*/.exec(text)?.[0];
  return fail([
    `it restarted after ${Math.round(ended.seconds)} s (${panic ?? "no panic is told"}): ${reached(report)}`,
  ]);
}
