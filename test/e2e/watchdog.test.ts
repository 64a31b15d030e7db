/**
 * A watchdog between trials (Rootfs.watchdog), in a machine whose hardware has one (i6300esb): a clean reboot disarms
 * it, a feeder that stands still, and one that is killed, reset the machine (56: systemd#20975, openbmc#522).
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { diskImage } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { on as commandOn, complete, heard, said } from "./disks-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

const SECONDS = 40;
let lab: ImageLab;
let vps: Vps;
const on = (command: string) => commandOn(vps, command);
const FEEDER = "$(cat /run/pine.watchdog.pid)";

beforeAll(async () => {
  lab = await startImageLab();
  const rootfs = await lab.rootfs([], lab.store, "vm", { watchdog: { seconds: SECONDS } });
  const { checksum } = await commitFromRootfs(lab, rootfs, {});
  const disk = await diskImage(lab, checksum, { title: "Pine", console: ["tty0", "ttyS0,115200"] }, "raw");
  vps = await startVps({ base: { disk: disk.path }, dir: lab.folder(), firmware: "bios", memory: 256, diskMiB: 1024 });
  await complete(vps);
});
afterAll(async () => {
  await vps?.stop();
  await lab?.end();
});

const armed = () =>
  on("for i in $(seq 60); do grep -q '^resets' /run/pine.watchdog && break; sleep 1; done; cat /run/pine.watchdog");
const uptime = async () => Number((await on("cut -d . -f 1 /proc/uptime")).replace(/^0 /, ""));

test("it runs, the device has its limit, and status says so", async () => {
  expect(await armed()).toBe(`0 resets this machine after ${SECONDS} s without a sign of life`);
  expect(await on("cat /sys/class/watchdog/watchdog0/timeout")).toBe(`0 ${SECONDS}`);
  expect(await on("pine status | grep ^watchdog")).toMatch(/resets this machine after/);
});

test("a machine that lives is not reset, for three times its limit", async () => {
  const before = await uptime();
  await new Promise((done) => setTimeout(done, 3 * SECONDS * 1000));
  expect(await uptime()).toBeGreaterThan(before + 2 * SECONDS);
});

test("a clean reboot ends it: disarmed, one boot, and the next one feeds again", async () => {
  const from = (await vps.console()).length;
  await on("pine reboot");
  await said(vps, from, /pine: slot a /);
  await complete(vps);
  expect(await armed()).toMatch(/^0 resets/);
  const boots = (await heard(vps, from)).match(/pine: slot a /g) ?? [];
  expect(boots).toHaveLength(1);
});

test("stopped by hand: the machine stays, longer than the limit", async () => {
  expect(await on("rc-service pine-watchdog stop >/dev/null 2>&1; ls /run/pine.watchdog")).toMatch(/No such file/);
  const before = await uptime();
  await new Promise((done) => setTimeout(done, 2 * SECONDS * 1000));
  expect(await uptime()).toBeGreaterThan(before);
  expect(await on("rc-service pine-watchdog start >/dev/null 2>&1")).toBe("0");
  expect(await armed()).toMatch(/^0 resets/);
});

test.each(["STOP", "KILL"])("kill -%s of the feeder: the machine is reset", async (signal) => {
  const from = (await vps.console()).length;
  const begun = Date.now();
  expect(await on(`kill -${signal} ${FEEDER}`)).toBe("0");
  const seen = await said(vps, from, /pine: slot a /);
  console.log(`reset ${((Date.now() - begun) / 1000).toFixed(0)} s after kill -${signal}, with GRUB's part`);
  expect(seen).not.toMatch(/reboot: Restarting system/);
  await complete(vps);
  expect(await armed()).toMatch(/^0 resets/);
});
