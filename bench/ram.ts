/**
 * `npm run bench -- ram`: a minimal disk image in machines with less and less memory. It boots, answers SSH, gets an
 * update (two packages more) by HostHijack's commands, boots and confirms it. Receiving and deploying is compared with
 * 512 MiB. PINE_WHOLE=1 makes the delta from nothing, as large as a new kernel and everything else; PINE_FIRMWARE=uefi
 * uses OVMF; PINE_MIB="512 96" sets other sizes.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../provider/errors.ts";
import { updateScript } from "../provider/host/scripts.ts";
import { keyValues } from "../provider/host/ssh/answers.ts";
import { frameScript } from "../provider/host/ssh/frame.ts";
import { diskImage } from "../provider/image/disk/image.ts";
import { commitFromRootfs } from "../provider/image/ostree/commits.ts";
import { staticDelta } from "../provider/image/ostree/delta.ts";
import { type ImageLab, startImageLab } from "../test/e2e/image-lab.ts";
import type { Firmware } from "../test/lab/vps/qemu.ts";
import { startVps, type Vps } from "../test/lab/vps/vps.ts";
import { seconds } from "./measure.ts";

/** Limit as a multiple of the time with 512 MiB; below 96 MiB there is no limit. */
export const LIMIT = 3;
const PLENTY = 512;
const FLOOR = 96;
const SIZES = process.env.PINE_MIB?.split(" ").map(Number) ?? [PLENTY, 256, 128, FLOOR, 88, 80];
const FIRMWARE: Firmware = process.env.PINE_FIRMWARE === "uefi" ? "uefi" : "bios";
/** Milliseconds for a boot without KVM beside other work. */
const BOOT_MS = 600_000;

export async function benchRam(_rounds: number, say: (line: string) => void): Promise<boolean> {
  const lab = await startImageLab(say);
  let good = true;
  try {
    const commit = async (packages: string[]) => (await commitFromRootfs(lab, await lab.rootfs(packages), {})).checksum;
    const from = await commit([]);
    const to = await commit(["nano", "htop"]);
    const delta = await staticDelta(lab, process.env.PINE_WHOLE ? undefined : from, to);
    const options = { title: "bench", console: ["tty0", "ttyS0,115200"] };
    const image = await diskImage(lab, from, options, "qcow2");
    say(`the delta has ${delta.size} bytes`);
    say("| MiB | kernel's, kB | available, kB | receive, s | deploy, s | against 512 MiB |");
    say("| --- | --- | --- | --- | --- | --- |");
    let plenty = Number.NaN;
    for (const mib of SIZES) {
      try {
        const { total, available, receive, deploy } = await update(lab, mib, image.path, { ...delta, to });
        if (mib === PLENTY) plenty = receive + deploy;
        const ratio = (receive + deploy) / plenty;
        good &&= mib < FLOOR || ratio <= LIMIT;
        say(
          `| ${mib} | ${total} | ${available} | ${receive.toFixed(1)} | ${deploy.toFixed(1)} | ${ratio.toFixed(1)} |`,
        );
      } catch (e) {
        good &&= mib < FLOOR;
        say(`| ${mib} | failed: ${messageOf(e).slice(0, 300)} |`);
      }
    }
    say(`limit from ${FLOOR} MiB on: ${LIMIT}`);
    return good;
  } finally {
    await lab.end();
  }
}

async function update(
  lab: ImageLab,
  mib: number,
  disk: string,
  d: { path: string; sha256: string; size: number; to: string },
) {
  const vps = await startVps({ base: { disk }, dir: lab.folder(), memory: mib, firmware: FIRMWARE });
  try {
    await complete(vps);
    const memory = await answer(vps, "grep -E '^Mem(Total|Available)' /proc/meminfo");
    const [total, available] = [...memory.matchAll(/(\d+) kB/g)].map((m) => m[1]);
    const args = ["receive", d.sha256, String(d.size), "0", d.to];
    const frame = frameScript(updateScript(), args, { more: true });
    const input = Buffer.concat([frame.head, readFileSync(d.path)]);
    const receive = await seconds(() => answer(vps, frame.command, input));
    const deploy = await seconds(() => answer(vps, `pine deploy ${d.to} bench`));
    await answer(vps, "pine arm b 1");
    const boot = await answer(vps, "cat /proc/sys/kernel/random/boot_id; pine reboot");
    for (const end = Date.now() + BOOT_MS; ; await sleep(1000)) {
      const now = await answer(vps, "cat /proc/sys/kernel/random/boot_id").catch(() => boot);
      if (now !== boot) break;
      if (Date.now() > end) throw new Error("it did not come up again");
    }
    await complete(vps);
    await answer(vps, `pine confirm ${d.to}`);
    const { slot } = Object.fromEntries(keyValues(await answer(vps, "pine status")));
    if (slot !== "b") throw new Error(`slot ${slot} is confirmed, not b`);
    return { total, available, receive, deploy };
  } finally {
    await vps.stop();
  }
}

async function complete(vps: Vps): Promise<void> {
  await vps.waitSsh(BOOT_MS);
  await answer(vps, "for i in $(seq 120); do [ -e /run/pine.completed ] && exit; sleep 1; done; exit 1");
}

async function answer(vps: Vps, command: string, input?: Buffer): Promise<string> {
  const { stdout, stderr, exitCode } = await vps.ssh(command, { input, timeout: 900_000 });
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr || stdout}`);
  return stdout;
}
