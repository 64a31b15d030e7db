/** Rehearses a commit for a server: from the store's memory, or in QEMU now. */
import { freemem } from "node:os";
import { DEFAULT } from "../filesystems/all.ts";
import { type CommitManifest, rootsOf } from "../image/ostree/commits.ts";
import type { Workshop } from "../image/ostree/workshop.ts";
import { freeBytes } from "../local/full.ts";
import { sha256 } from "../local/hash.ts";
import { withFileLock } from "../local/lock.ts";
import { humanBytes } from "../words.ts";
import { makeDisk, roomFor } from "./disk.ts";
import type { Guest } from "./guest.ts";
import { boot } from "./machine.ts";
import { type Remembered, recall, recordOf } from "./memory.ts";
import { measure, measureBest, type Speed } from "./speed.ts";
import { type Answer, type Expected, type Verdict, verdict } from "./verdict.ts";

/** Seconds that a boot may take on a machine as fast as the reference (speed.ts). */
export const REHEARSAL_SECONDS = 300;
/** Seconds that health checks are tried for on such a machine: everything was started before. */
const HEALTH_SECONDS = 30;
/** MiB that this machine keeps beside the guest's. */
const SPARE_MIB = 256;

export interface Rehearsal extends Omit<Verdict, "answer"> {
  answer: Answer;
  /** The last lines of its console, where it did not pass. */
  console: string[];
  /** How it was found out: "in 62 s, emulated". */
  how: string;
}

/** The answer where nothing was booted. */
export const cannotTell = (reason: string): Rehearsal => ({
  answer: "unknown",
  reasons: [reason],
  notes: [],
  console: [],
  how: "nothing was booted",
});

const inWords = (r: Pick<Remembered, "seconds" | "accelerator">) =>
  `in ${Math.round(r.seconds)} s${r.accelerator === "kvm" ? "" : ", emulated"}`;

const fromMemory = ({ on, ...r }: Remembered): Rehearsal => ({
  ...r,
  how: `${inWords(r)}, on ${on.slice(0, 10)}: known from then`,
});

/** Why this machine cannot rehearse now; undefined: it can. */
async function lacking({ store }: Workshop, commit: CommitManifest, guest: Guest): Promise<string | undefined> {
  if (!rootsOf(commit).includes(DEFAULT))
    return `the commit's initramfs does not mount ${DEFAULT}, which a rehearsal's disk has`;
  const need = roomFor(commit.size);
  const free = await freeBytes(store.dir);
  if (free !== undefined && free < need)
    return `no room: the disk takes ${humanBytes(need)} in ${store.dir} for a while, and ${humanBytes(free)} are free`;
  const memory = Math.floor(freemem() / 1024 / 1024);
  return memory >= guest.memory + SPARE_MIB
    ? undefined
    : `too little memory: it takes ${guest.memory} MiB, and ${memory} MiB are free on this machine (rehearse.memory)`;
}

const expectedOf = ({ network, identity, sshPorts, leaveOut }: Guest): Expected => {
  const keys = identity.find((f) => f.path === "/root/.ssh/authorized_keys");
  return { interfaces: network.interfaces, keys: keys && sha256(keys.content), sshPorts, leaveOut };
};

/** Boots it now; undefined: QEMU does not work. `timeout`: seconds on a machine as fast as the reference. */
async function now(workshop: Workshop, commit: CommitManifest, guest: Guest, timeout: number) {
  const { store, task } = workshop;
  return store.temp(async (dir) => {
    const speed = await measureBest(dir, task);
    if (!speed) return undefined;
    await makeDisk(workshop, commit, guest, dir, {
      seconds: Math.ceil(HEALTH_SECONDS * speed.slow),
      slow: Math.ceil(speed.beside),
    });
    const attempt = async (at: Speed) => {
      const { report, ended } = await boot(dir, guest, at, timeout * at.slow, task);
      return { report, ended, ...verdict(report, expectedOf(guest), ended) };
    };
    const first = await attempt(speed);
    // a nested KVM may be there and hang
    const stuck = speed.accelerator === "kvm" && first.report.begun === undefined && first.ended.how !== "itself";
    const emulated = stuck ? await measure("tcg", dir, task) : undefined;
    return emulated ? attempt(emulated) : first;
  });
}

/**
 * The rehearsal of a commit with a server's shape. One at a time, whoever asks: two guests would take each other's
 * time.
 */
export async function rehearse(
  workshop: Workshop,
  commit: CommitManifest,
  guest: Guest,
  timeout = REHEARSAL_SECONDS,
): Promise<Rehearsal> {
  const { store, task } = workshop;
  const record = await recordOf(store, commit.checksum, guest);
  const known = await recall(store, record);
  if (known) return fromMemory(known);
  return withFileLock(store.path("rehearsal.lock"), "the rehearsal of another server", task, async () => {
    const meanwhile = await recall(store, record);
    if (meanwhile) return fromMemory(meanwhile);
    const lack = await lacking(workshop, commit, guest);
    if (lack) return cannotTell(lack);
    const booted = await now(workshop, commit, guest, timeout);
    if (!booted) return cannotTell("QEMU of this machine does not run a boot sector to its end: see whether it works");
    const { answer, reasons, notes, ended } = booted;
    const { seconds, accelerator } = ended;
    const console = answer === "pass" ? [] : ended.console;
    const result = { reasons, notes, console };
    if (answer !== "unknown")
      await store.writeJson(record, {
        answer,
        ...result,
        seconds,
        accelerator,
        on: new Date().toISOString(),
      } satisfies Remembered);
    return { answer, ...result, how: inWords({ seconds, accelerator }) };
  });
}
