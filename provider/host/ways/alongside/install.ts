/**
 * Puts a sysroot beside the old system of a machine or a container, and arms it for one boot. The plan is made in
 * ways/plan.ts.
 */
import { assetText } from "../../../assets.ts";
import { containerOptions, slotOptions } from "../../../boot/options.ts";
import { slotsConfig } from "../../../boot/place.ts";
import { slotFile, slotTitle } from "../../../boot/slot.ts";
import { envBlock } from "../../../boot/state.ts";
import { messageOf } from "../../../errors.ts";
import type { Task } from "../../../task.ts";
import { keepHostKeys } from "../../files/hostkeys.ts";
import type { HostFile } from "../../files/paths.ts";
import type { Plan } from "../../plan/types.ts";
import { installScript } from "../../scripts.ts";
import { agent } from "../../server/agent.ts";
import type { InstallRecord } from "../../server/record.ts";
import { fullDisk } from "../../ssh/full.ts";
import { type FileToSend, sendFile } from "../../ssh/parts.ts";
import type { Ssh } from "../../ssh/types.ts";

/** The sysroot of a commit as image/sysroot/archive.ts makes it, compressed. */
export interface SysrootToSend extends FileToSend {
  checksum: string;
  /** "<checksum>.<serial>". */
  deployment: string;
  /** Path for GRUB, from the root filesystem. */
  kernel: string;
  initrd: string;
  /** Bytes on the server's disk; undefined: not known. */
  unpackedSize?: number;
  compression: "zstd" | "gzip";
}

export interface Installation {
  plan: Plan;
  sysroot: SysrootToSend;
  record: InstallRecord;
  version?: string;
  files: HostFile[];
  kernelArguments: string[];
}

/**
 * Does everything up to arming slot a. Until then nothing boots differently; after it, one boot does. Leftovers of
 * another run are removed first, except the parts of the same archive that arrived. Where the disk is full everything
 * is removed, since the old system needs the room. Returns the bytes sent.
 */
export async function installAlongside(ssh: Ssh, o: Installation, task: Task): Promise<{ sent: number }> {
  const step: Step = async (args, input, timeout = 600_000) => {
    const more = input === undefined ? {} : { input };
    await ssh.exec(installScript(), args, { root: true, timeout, ...more, what: `install: ${args[0]}` });
  };
  try {
    return await install(ssh, step, o, task);
  } catch (error) {
    const full = fullDisk(error, ssh.target);
    if (!full) throw error;
    await step(["clear"]).catch((e) =>
      task.warn(`what arrived of the new system stays on the server: ${messageOf(e)}`),
    );
    throw full;
  }
}

async function install(ssh: Ssh, step: Step, o: Installation, task: Task): Promise<{ sent: number }> {
  const { plan, sysroot, record } = o;

  task.step("preparing");
  const { boot, slots, folder } = plan.boot;
  const bootFs = boot ? `${boot.type}:UUID=${boot.uuid}` : "";
  const { id, stack, urn, created, old } = record;
  await step(["begin", id, stack, urn, plan.method, created, old, bootFs, folder ?? ""]);
  const kib = sysroot.unpackedSize === undefined ? undefined : Math.ceil(sysroot.unpackedSize / 1024);
  const more = [sysroot.compression, ...(kib === undefined ? [] : [String(kib)])];
  const sent = await sendFile(ssh, sysroot, { script: installScript(), kib, more, what: "sending the system" }, task);
  task.step("unpacked; putting it in place");
  await step(["place", sysroot.deployment]);
  const kept = await keepHostKeys(ssh, `/ostree/deploy/pine/deploy/${sysroot.deployment}`, {
    none: true,
    hostKeyFiles: plan.hostKeyFiles,
    sshPorts: plan.sshPorts,
  });
  if (kept === 0) task.warn("the old system has no SSH host key that can be kept: the new system makes its own");
  await putFiles(step, sysroot.deployment, o.files, task);
  const fstab = plan.swap.map((uuid) => `UUID=${uuid}\tnone\tswap\tsw\t0 0\n`).join("");
  if (fstab && !o.files.some((f) => f.path === "/etc/fstab")) await step(["fstab", sysroot.deployment], fstab);

  const container = plan.method === "container";
  task.step(container ? "putting Pine's init in its place" : "adding the boot entry");
  const deployed = {
    checksum: sysroot.checksum,
    serial: Number(sysroot.deployment.split(".")[1]),
    deadman: plan.deadman,
  };
  const slot = slotFile({
    uuid: container ? "" : plan.disk.rootUuid,
    title: slotTitle(o.version, sysroot.checksum),
    linux: sysroot.kernel,
    initrd: sysroot.initrd,
    options: container
      ? containerOptions(deployed)
      : slotOptions({
          ...deployed,
          rootUuid: plan.disk.rootUuid,
          rootType: plan.disk.rootType,
          slots,
          console: plan.consoles,
          extra: o.kernelArguments,
        }),
  });
  if (!container) await step(["boot", "grub.cfg"], assetText("system/grub/pine.cfg"));
  await step(["boot", "a.cfg", ...(container ? [] : [sysroot.deployment])], slot);
  await step(["boot", "env"], envBlock({}));
  if (container) await step(["init"]);
  else await step(["grub"], slotsConfig(assetText("system/grub/custom.cfg"), slots));
  await step(["forget"]);
  await agent(ssh, ["arm", "a", "1"]);
  return { sent };
}

type Step = (args: string[], input?: string | Uint8Array, timeout?: number) => Promise<void>;

async function putFiles(step: Step, deployment: string, files: HostFile[], task: Task): Promise<void> {
  for (const [n, file] of files.entries()) {
    task.step(`the host's own files: ${n + 1} of ${files.length}`);
    await step(["put", deployment, file.path, file.mode, file.owner], file.content);
  }
}
