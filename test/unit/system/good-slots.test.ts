/**
 * Samples of the disk at random moments of updates that a server pulls, good ones and bad: from each, both systems boot
 * that were good then (70: ostreedev/ostree#2510). PINE_UPDATES: how many (20 by the list of what broke for others).
 */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SlotName } from "../../../provider/boot/slot.ts";
import { GREEN, RED, Updater } from "./an-updater.ts";
import { booted } from "./booted.ts";
import { frozen } from "./frozen.ts";
import type { Sysroot } from "./sysroot-tools.ts";

const UPDATES = Number(process.env.PINE_UPDATES ?? 3);
const SAMPLES = 3;

let u: Updater;
/** What each slot is to boot; absent: nothing yet, the old system is there. */
const good: Partial<Record<SlotName, string>> = { a: "1" };
/** Milliseconds of the update before: the next one is sampled over as long. */
let took = 8000;
let slot: SlotName = "a";
const other = (of: SlotName): SlotName => (of === "a" ? "b" : "a");

beforeAll(async () => {
  u = await Updater.make(["busybox", "sh"]);
  u.turn("");
  u.p.settings({ reboot: "now" });
});
afterAll(() => u?.p.end());

/** One update to its end; it is bad where its checks are red. */
async function update(n: number, bad: boolean): Promise<void> {
  await u.stage(`u${n}`, `1.1.${n}`, slot);
  expect(await u.reboot({ slot }, "now")).toBe("done");
  booted(u.p.s);
  await u.judge(other(slot), bad ? RED : GREEN, { trial: true });
  if (bad) {
    await u.p.run("agent", ["ok"], { slot });
    await u.judge(slot, GREEN);
  }
}

/** Copies of the disk while something runs: a few, at random moments. */
async function sampled(work: Promise<void>): Promise<Sysroot[]> {
  const samples: Sysroot[] = [];
  const since = Date.now();
  let over = false;
  const sampler = (async () => {
    while (!over && samples.length < SAMPLES) {
      await sleep((took / SAMPLES) * (0.2 + 1.6 * Math.random()));
      if (!over) samples.push(frozen(() => u.p.s.copy()));
    }
  })();
  await work.finally(() => {
    over = true;
    took = Date.now() - since;
  });
  await sampler;
  return samples;
}

/** The power goes at that moment: what GRUB boots, and what the system that was confirmed makes of it. */
async function judged(sample: Sysroot, before: typeof good, candidate: string): Promise<void> {
  const { slot: confirmed, trial, tries } = sample.env;
  expect(confirmed).toMatch(/^[ab]$/);
  const now = confirmed === slot ? before : { ...before, [other(slot)]: candidate };
  if (trial && tries) {
    // the trial boots, too, and nobody confirms it
    expect((await sample.on(trial, "cat /etc/release", [], { trial: true })).stdout).toBe(candidate);
    booted(sample);
  }
  await sample.pine(confirmed!, ["ok"]);
  await sample.pine(confirmed!, ["disarm"]);
  for (const [name, content] of Object.entries(now))
    expect([name, (await sample.on(name as SlotName, "cat /etc/release", [])).stdout]).toEqual([name, content]);
  // what was not armed lies there by its own name alone
  expect(sample.bootable()).toMatchObject(now);
}

test(
  `${UPDATES} updates, ${SAMPLES} samples each`,
  async () => {
    let seen = 0;
    const states = new Set<string>();
    for (let n = 0; n < UPDATES; n++) {
      const bad = n % 3 === 1;
      for (const sample of await sampled(update(n, bad))) {
        try {
          states.add([...readdirSync(sample.slots).sort(), sample.deployments().length, sample.env.trial].join());
          await judged(sample, { ...good }, `u${n}`);
          seen++;
        } finally {
          await sample.end();
        }
      }
      if (bad) continue;
      slot = other(slot);
      good[slot] = `u${n}`;
      expect(u.p.s.env.slot).toBe(slot);
    }
    // not all of one moment
    expect(seen).toBeGreaterThan(UPDATES);
    expect(states.size).toBeGreaterThan(2);
  },
  UPDATES * 120_000,
);
