/**
 * Ctrl-C and power cuts: the server answers afterwards, nothing is left behind, and the next `up` goes on. PINE_SEED
 * repeats the moments. After arming and in trials the campaign cuts it (npm run faults, phases arm and update).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "./hijack-cli.ts";
import { BOOT_MS, bootId, type Lab, on, seeded, startLab, steps, until } from "./hijack-lab.ts";
import { bytesOf, follow, leftHere, leftThere, sentShare } from "./hijack-traces.ts";

const step = steps(test);
let lab: Lab;
let random: () => number;
const pick = <T>(of: T[]) => of[Math.floor(random() * of.length)]!;

beforeAll(async () => {
  random = seeded("cuts");
  lab = await startLab("cuts", { ownCache: true });
});
afterAll(() => lab?.end());

/**
 * Ctrl-C once `moment` has come. Nobody tidies up after it: what the run did not take away itself within the 5 s that
 * Pulumi gives a plugin stays, and fails the test. The waiting here is only for processes on their way out.
 */
async function interrupted(what: string, moment: (up: Running) => Promise<void>): Promise<string> {
  const up = lab.project.start(["up", "--skip-preview"]);
  const { seen } = follow(up);
  await moment(up);
  const pressed = performance.now();
  const seconds = () => ((performance.now() - pressed) / 1000).toFixed(1);
  up.interrupt();
  const { exitCode, output } = await up.ended;
  const returned = seconds();
  const left = () => leftHere(lab, seen.values());
  await until("nothing is left", () => left().length === 0, 30_000).catch(() => {});
  lab.tell(`Ctrl-C ${what}: the CLI returned after ${returned} s, nothing left after ${seconds()} s`);
  expect(left()).toEqual([]);
  expect(exitCode, output).not.toBe(0);
  expect(seen.size).toBeGreaterThan(2); // CLI, plugin, program
  return output;
}

/** The server as the state has it; undefined: it has none. */
const inState = async () => (await lab.project.state()).find((r) => r.type === "pine:index:HostHijack");

step("Ctrl-C while packages are fetched, and in the middle of a build", async () => {
  lab.fault.of = (path) => (path.endsWith(".apk") ? { bytesPerSecond: 2_000_000 } : undefined);
  await interrupted("in a download", async (up) => {
    await up.saw(/^fetching packages: [1-9]/);
    await sleep(1000 * random());
  });
  lab.fault.of = undefined;
  const moment = pick([
    /^installing package [1-9]\d/,
    /^configuring/,
    /^making the initramfs/,
    /^committing to OSTree/,
  ]);
  await interrupted(`at ${moment}`, async (up) => {
    await up.saw(moment);
    await sleep(500 * random());
  });
  expect(await inState()).toBeUndefined();
});

step("Ctrl-C in the middle of a transfer", async () => {
  const debian = await bootId(lab.vps);
  const share = 0.05 + 0.85 * random();
  const said = await interrupted(`at ${Math.round(share * 100)} % of the transfer`, (up) => sentShare(up, share));
  console.log(said);
  // half made: the state knows, and the next up goes on
  expect((await inState())?.initErrors).toHaveLength(1);
  await until("nothing of ours runs on the server", async () => (await leftThere(lab)).length === 0, 30_000).catch(
    () => {},
  );
  expect(await leftThere(lab)).toEqual([]);
  expect(await bootId(lab.vps)).toBe(debian);
});

step("the power fails in the middle of the transfer", async () => {
  const share = 0.02 + 0.96 * random();
  const up = lab.project.start(["up", "--skip-preview"]);
  // what arrived before Ctrl-C is not sent again
  const [, from = ""] = await up.saw(/^going on at (\S+ \S+) of /);
  expect(bytesOf(from)).toBeGreaterThan(1_000_000);
  lab.tell(`goes on at ${from}`);
  await sentShare(up, share);
  await lab.vps.cut();
  const { exitCode, errors, output } = await up.ended;
  expect(exitCode).not.toBe(0);
  expect(errors.join("\n"), output).toMatch(/connection .*was lost/);
  await lab.vps.boot();
  await lab.vps.waitSsh(BOOT_MS);
  expect(await on(lab.vps, ". /etc/os-release; echo $ID; cat /proc/cmdline")).toMatch(/^debian\n(?!.*pine)/);
  lab.tell(`cut at ${Math.round(share * 100)} % of the transfer: Debian answers`);
});
