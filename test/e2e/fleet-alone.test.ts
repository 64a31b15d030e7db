/** A machine that judges its own trials: rolled back by hand, and into a system whose health check fails. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, on, startLab, steps, until } from "./hijack-lab.ts";

const step = steps(test);
const PAGE = "Hello from an atomic server";
const CHECK = `      healthChecks:
        - { name: web, http: "http://127.0.0.1/", timeout: 5 }
        - { name: room, freeSpace: { path: /var, mib: 1000000 }, required: false }
      services:
`;

let lab: Lab;
const run = (command: string) => on(lab.vps, command);
/**
 * Of `pine status --json`; undefined while it does not answer. Every few seconds: each look is dozens of processes, and
 * without a pause they take an emulated processor from the trial that they wait for, whose dead-man then ends it.
 */
const status = async (): Promise<Record<string, string> | undefined> => {
  await sleep(5000);
  const r = await lab.vps.ssh("pine status --json").catch(() => undefined);
  return r?.exitCode === 0 ? JSON.parse(r.stdout) : undefined;
};

beforeAll(async () => {
  lab = await startLab("alone");
  lab.project.edit((text) => text.replace("      services:\n", CHECK));
});
afterAll(() => lab?.end());

step("its health is checked at each boot, and in an update", async () => {
  await lab.project.ok(["up", "--skip-preview"]);
  await lab.project.set({ page: `${PAGE}, again` });
  await lab.project.ok(["up", "--skip-preview"]);
  await until("the checks of this boot", async () => (await status())?.health === "green");
  expect(await run("cat /run/pine.health")).toMatch(
    /^checked=\S+ uptime=\d+ ran=2 of=2 result=green\nroom warn \S+ \d+ MiB are free, expected 1000000\nweb ok /,
  );
  expect(await status()).toMatchObject({ slot: "b", state: "confirmed", complete: "yes" });
  expect(await run("rc-status default")).not.toMatch(/crashed|stopped/);
  lab.tell("installed and updated");
});

step("rolled back by hand: it reboots, looks twice, and stays", async () => {
  await run("pine rollback the second page is wrong");
  await until("it runs slot a, confirmed", async () => {
    const now = await status();
    return now?.slot === "a" && now.state === "confirmed";
  });
  expect(await run("wget -qO- http://127.0.0.1/")).toBe(PAGE);
  expect(await run("cat /var/lib/pine/refused")).toMatch(/ person \S+ the second page is wrong$/);
  lab.tell("rolled back by hand");
});

step("into a system whose required check fails, with nobody there: it comes back, and says why", async () => {
  await run(
    "sed -i 's/port = 80/port = 81/' /sysroot/ostree/deploy/pine/deploy/$(sed -n 's,.*/deploy/\\([0-9a-f.]*\\).*,\\1,p' /boot/grub/pine/b.cfg)/etc/lighttpd/lighttpd.conf; /usr/libexec/pine/agent arm b 1 self && /usr/libexec/pine/agent reboot",
  );
  await until("it runs slot a again, with a report", async () => {
    const now = await status();
    return now?.slot === "a" && now.failedReason !== undefined;
  });
  expect(await status()).toMatchObject({ state: "confirmed", failedPhase: "health" });
  expect(await run("pine logs 1")).toMatch(
    /^judge=self\n(.*\n)*phase=health\n.*\nreason=web: status none \(connection refused\)/im,
  );
  expect(await run("cat /var/lib/pine/refused")).toMatch(/ bad \S+ web: status none/);
  expect(await run("wget -qO- http://127.0.0.1/")).toBe(PAGE);
  lab.tell("came back by itself");
});
