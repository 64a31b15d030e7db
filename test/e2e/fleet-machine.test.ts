/**
 * A virtual machine that pulls and judges its trials itself: a commit that takes the network away comes back, and the
 * power fails while one is fetched, deployed, armed and tried, on a disk that loses what was not flushed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OUTWARD } from "../lab/vps/index.ts";
import { keyText } from "../unit/trust/a-manifest.ts";
import { BOOT_MS, type Lab, on, seeded, startLab, steps, until } from "./hijack-lab.ts";
import { publishedAt } from "./pulling-lab.ts";
import { type Published, publish, publishing } from "./pulling-program.ts";

const step = steps(test);
const work = mkdtempSync(join(tmpdir(), "pine-published-"));
const ending: (() => unknown)[] = [() => rmSync(work, { recursive: true, force: true })];
const random = seeded("machine");
let lab: Lab;

/** A firewall that is too good. */
const FIREWALL = `depend() {
	need net
}
start() {
	ebegin "Closing everything"
	for card in $(ls /sys/class/net | grep -v lo); do ip link set $card down; done
	eend $?
}
`;
/** What it is doing when the power fails: a condition on the server, told on its serial line. */
const MOMENTS = {
  fetching: "pgrep -f '[o]stree pull'",
  deploying: "pgrep -f '[o]stree admin deploy'",
  armed: "grep -q 'pine_trial=[ab]' /boot/grub/pine/env",
};

const run = (command: string) => on(lab.vps, command);
/** An emulated machine reads all of its objects for minutes; the connection may end with the reboot. */
async function upgrade(): Promise<void> {
  const { exitCode, stdout, stderr } = await lab.vps.ssh("pine upgrade --reboot", { timeout: BOOT_MS });
  expect([0, 255], stdout + stderr).toContain(exitCode);
}
const status = async (): Promise<Record<string, string>> => {
  const r = await lab.vps.ssh("pine status --json", { timeout: 60_000 }).catch(() => undefined);
  return r?.exitCode === 0 ? JSON.parse(r.stdout) : {};
};
const confirmed = (commit: string) =>
  until("it runs it, confirmed", async () => {
    await sleep(2000);
    const now = await status();
    return now.state === "confirmed" && now.commit === commit;
  });
/** What holds after every cut: it boots by itself, into a commit that was whole, and both slots are told truly. */
async function boots(commits: string[]): Promise<Record<string, string>> {
  await lab.vps.boot();
  await lab.vps.waitSsh(BOOT_MS);
  const now = await status();
  expect(commits).toContain(now.commit);
  expect(await run("ostree admin status")).toContain(`* pine ${now.commit}`);
  return now;
}

/** The power fails while it is at that. PINE_SEED repeats the moments. */
async function cutAt(moment: keyof typeof MOMENTS): Promise<void> {
  const mark = `at:${moment}:${Date.now()}`;
  const watch = `until { ${MOMENTS[moment]}; } >/dev/null; do usleep 50000; done; echo ${mark} >/dev/ttyS0`;
  await run(`setsid sh -c "${watch}" </dev/null >/dev/null 2>&1 &`);
  await run("setsid pine upgrade --reboot </dev/null >/run/upgrade.log 2>&1 &");
  await until(`it is ${moment}`, async () => (await lab.vps.console()).includes(mark));
  // what is armed goes down by itself
  const later = moment === "armed" ? 0 : Math.round(1500 * random());
  await sleep(later);
  await lab.vps.cut();
  lab.tell(`cut while ${moment}, ${later} ms later`);
}

beforeAll(async () => {
  const folder = join(work, "published");
  const port = await publishedAt(folder, ending);
  lab = await startLab("machine", { faulty: true, outward: [port] });
  await lab.project.secret("signingKey", keyText(1));
  lab.project.edit((text) =>
    publishing(text, folder, { firewall: FIREWALL }).replace(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: YAML's own
      "      hostname: ${hostname}\n",
      (line) =>
        `${line}      deadman: 900\n      updates: { url: "http://${OUTWARD}:${port}", everyHours: 1, reboot: manual }\n`,
    ),
  );
});
afterAll(async () => {
  await lab?.end();
  for (const end of ending) await end();
});

let good: Published;
step("it is taken, pulls, and keeps what it judged good", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  lab.tell("installed");
  good = await publish(lab.project, { page: "The second page" });
  await upgrade();
  await confirmed(good.checksum);
  expect(await run("wget -qO- http://127.0.0.1/")).toBe("The second page");
  expect((await status()).updatesResult).toBe(`version ${good.version} runs and is confirmed`);
  lab.tell("pulled");
});

step("one that takes the network away comes back by itself, and says why", async () => {
  const { version, checksum } = await publish(lab.project, { services: ["lighttpd", "firewall"] });
  await upgrade();
  await until("it came back, and says so", async () => {
    await sleep(2000);
    return (await status()).updatesResult?.startsWith(`version ${version} did not stay`) === true;
  });
  const now = await status();
  expect(now).toMatchObject({ state: "confirmed", commit: good.checksum, failedCommit: checksum });
  expect(now.updatesResult).toMatch(/the next manifest cannot be had/);
  expect(await run("pine logs")).toMatch(/health: updates: the next manifest cannot be had/);
  expect((await lab.project.ok(["refresh"])).output).toMatch(/did not stay: updates: the next manifest cannot be had/);
  lab.tell("came back to its network");
});

step("the power fails while it fetches, deploys, and is armed; it boots each time, and goes on", async () => {
  const next = await publish(lab.project, { services: ["lighttpd"], page: "The third page" });
  for (const moment of ["fetching", "deploying"] as const) {
    await cutAt(moment);
    expect(await boots([good.checksum])).toMatchObject({ state: "confirmed" });
  }
  await cutAt("armed");
  // armed and flushed, it is tried; else the old one runs
  const now = await boots([good.checksum, next.checksum]);
  lab.tell(`after being armed: ${now.state} ${now.commit === next.checksum ? "the new one" : "the old one"}`);
  if (now.commit === good.checksum) await upgrade();
  await until("it is on trial", async () => (await status()).commit === next.checksum);
  expect((await status()).state).toBe("trial");
  await lab.vps.cut();
  lab.tell("cut in the trial");
  expect(await boots([good.checksum])).toMatchObject({ state: "confirmed" });
  await until("it says so", async () => (await status()).updatesResult?.includes("did not stay") === true);
  // a power cut may be all that was wrong: it is tried again after a while, which a person need not wait for
  await run(`pine unhold ${next.checksum}`);
  await upgrade();
  await confirmed(next.checksum);
  expect(await run("wget -qO- http://127.0.0.1/")).toBe("The third page");
  lab.tell("finished");
});
