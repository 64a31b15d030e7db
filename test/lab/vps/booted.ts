/**
 * Debian, booted once on this machine: later ones begin with its memory as it was then. Without KVM a boot takes a
 * minute or more.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../../provider/local/run.ts";
import { type BaseImage, keptBase, must } from "./bases.ts";
import { startVps, type Vps, type VpsOptions } from "./vps.ts";

/** MiB. */
const MEMORY = 512;
const NAME = "debian";

export type BootedOptions = Pick<VpsOptions, "dir" | "name" | "log"> & { base: BaseImage };

/**
 * Starts a plain machine (512 MiB, one card, one disk) of a base that has booted before: a second or two until SSH
 * answers.
 */
export async function startBooted(o: BootedOptions): Promise<Vps> {
  const began = performance.now();
  const { stdout: qemu } = await run("qemu-system-x86_64", ["--version"]);
  const parts = ["booted", dirname(o.base.disk), MEMORY, qemu];
  const { disk, hostKeys } = await keptBase(`booted-${o.base.release}`, parts, (work) => freeze(o, work));
  const base = { disk, hostKeys, firmware: o.base.firmware };
  const memoryFile = join(dirname(disk), "memory");
  const vps = await startVps({ ...o, base, memory: MEMORY, memoryFile, wait: false });
  try {
    await vps.waitSsh(120_000);
    // its clock stood still
    await must(vps, `date -u -s @${Math.round(Date.now() / 1000)}`);
  } catch (error) {
    await vps.stop();
    throw error;
  }
  o.log?.(`${o.name ?? "vps"}: SSH after ${((performance.now() - began) / 1000).toFixed(1)} s, booted before`);
  return vps;
}

async function freeze(o: BootedOptions, work: string): Promise<void> {
  const vps = await startVps({ base: o.base, dir: work, name: NAME, memory: MEMORY, freezable: true, log: o.log });
  try {
    // whatever else it starts, so that nothing is under way; what it has read is not worth keeping
    await vps.ssh("systemctl is-system-running --wait; sync; echo 3 >/proc/sys/vm/drop_caches");
    await vps.freezeTo(join(work, "memory"));
  } finally {
    await vps.stop();
  }
  const done = join(work, "done");
  mkdirSync(done);
  renameSync(join(work, "memory"), join(done, "memory"));
  renameSync(vps.disk, join(done, "base.qcow2"));
  writeFileSync(join(done, "hostkeys.pub"), `${vps.hostKeys.join("\n")}\n`);
  await run("chmod", ["0444", join(done, "base.qcow2")]);
}
