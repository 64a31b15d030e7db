/**
 * Writes an image over the old system, from a RAM system (enter.ts). writeImage writes the image to the disk and reads
 * back every block. Then finishDisk writes the server's own parts. The plan is made in plan.ts.
 */

import type { Readable } from "node:stream";
import { parseSlotFile, type Slot, slotFile } from "../../../boot/slot.ts";
import { die } from "../../../errors.ts";
import { dataFilesystem } from "../../../filesystems/all.ts";
import { canonical, sha256 } from "../../../local/hash.ts";
import type { Task } from "../../../task.ts";
import { humanBytes } from "../../../words.ts";
import { keepHostKeys } from "../../files/hostkeys.ts";
import type { HostFile } from "../../files/paths.ts";
import type { Plan } from "../../plan/types.ts";
import { diskScript, installScript } from "../../scripts.ts";
import type { Ssh } from "../../ssh/types.ts";

/** The image as it is sent. */
export interface ImageToSend {
  sha256: string;
  /** Bytes of the disk. */
  diskSize: number;
  /** Bytes from the start of the disk. */
  rootStart: number;
  rootType: string;
  /** The same for its /boot partition, if it has one. */
  bootStart?: number;
  /** "<checksum>.<serial>". */
  deployment: string;
  /** sha256 of every block. */
  digests: string[];
  /** Bytes of a block. */
  block: number;
  /** The compressed image from this block on. */
  open(from: number): Readable;
}

/** Adds the digest of the server's own parts ({@link identityOf}). */
type ImageToWrite = ImageToSend & { identity: string };

/** The parts that make the disk this server's. */
interface OwnParts {
  plan: Plan;
  files: HostFile[];
  kernelArguments: string[];
}

/** A digest of these parts: a run that goes on learns by it whether the disk has them already. */
export function identityOf({ plan, files, kernelArguments }: OwnParts): string {
  const { sshPorts, consoles, deadman } = plan;
  return sha256(
    canonical([sshPorts, consoles, deadman, kernelArguments, files.map((f) => ({ ...f, content: sha256(f.content) }))]),
  );
}

const disk = (ssh: Ssh, args: string[], input?: string, timeout = 300_000) =>
  ssh.exec(diskScript(), args, { timeout, input, what: `writing the disk: ${args[0]}` });

/**
 * Writes the blocks that are missing. Each one is read back from the disk and compared. Returns the compressed bytes
 * sent, and whether an interrupted run finished the disk already.
 */
export async function writeImage(
  ssh: Ssh,
  plan: Plan,
  image: ImageToWrite,
  task: Task,
): Promise<{ sent: number; finished: boolean; device: string }> {
  const target = plan.overwrite!.disk;
  const { stdout: device } = await disk(ssh, ["find", String(target.bytes), String(target.sectorSize), target.head]);
  const mib = image.diskSize / (1024 * 1024);
  const what = ["image", image.sha256, String(mib), image.identity];
  const begun = await disk(ssh, what, image.digests.map((d) => `${d}\n`).join(""));
  const [verified = "0", state] = begun.stdout.trim().split(" ");
  const from = Number(verified);
  const total = image.digests.length;
  if (from > 0 && from < total) task.step(`going on at block ${from + 1} of ${total}`);
  let sent = 0;
  if (from < total) {
    const started = Date.now();
    let done = from;
    const tell = () => {
      const seconds = Math.max(1, (Date.now() - started) / 1000);
      const written = Math.min(done * image.block, image.diskSize);
      const rate = humanBytes(((done - from) * image.block) / seconds);
      task.step(`written and compared ${humanBytes(written)} of ${humanBytes(image.diskSize)}, ${rate}/s`);
    };
    await ssh.upload(image.open(from), diskScript(), ["write"], {
      what: "writing the disk",
      onProgress: (bytes) => {
        sent = bytes;
        if (done === from) task.step(`sent ${humanBytes(bytes)}`);
      },
      onLine: (line) => {
        const n = /^done (\d+)$/.exec(line)?.[1];
        if (n) done = Number(n);
        if (n) tell();
      },
    });
    if (done !== total) die(`only ${done} of ${total} blocks were written`, "run `pulumi up` again");
  }
  return { sent, finished: state === "finished", device: device.trim() };
}

/**
 * When all is written: checks the count of compared blocks and flushes the disk. Nothing on it is this server's yet.
 */
export async function settleImage(ssh: Ssh, image: ImageToSend, task: Task): Promise<void> {
  task.step("the image is on the disk");
  const compared = Number((await disk(ssh, ["flush"])).stdout.trim());
  const total = image.digests.length;
  if (compared !== total) die(`only ${compared} of ${total} blocks were compared`, "run `pulumi up` again");
}

/**
 * Writes data partitions, identity, kernel arguments and the installation's record. At the end everything is on the
 * disk, unmounted.
 */
export async function finishDisk(
  ssh: Ssh,
  o: OwnParts & { image: ImageToWrite; id: string },
  task: Task,
): Promise<void> {
  const { plan, image } = o;
  const { deployment, rootType } = image;
  const data = plan.overwrite!.data;
  for (const d of data) {
    task.step(`data partition ${d.label}${d.keep ? ", kept" : ""}`);
    const size = String(d.bytes ?? 0);
    const maker = dataFilesystem(d.filesystem).make(d.label).join(" ");
    await disk(ssh, ["table", d.label, String(d.start), size, d.partuuid ?? "-", d.keep ? "" : maker]);
  }
  task.step("the server's name, keys and network");
  await disk(ssh, ["mount", String(image.rootStart), deployment, rootType, String(image.bootStart ?? "")]);
  await keepHostKeys(ssh, `/ostree/deploy/pine/deploy/${deployment}`, { sshPorts: plan.sshPorts });
  const install = installScript();
  for (const [n, file] of o.files.entries()) {
    task.step(`the host's own files: ${n + 1} of ${o.files.length}`);
    await ssh.exec(install, ["put", deployment, file.path, file.mode, file.owner], { input: file.content });
  }
  if (data.length > 0) {
    const lines = data.map((d) => `LABEL=${d.label}\t${d.mountPoint}\t${d.filesystem}\tdefaults,noatime\t0 0\n`);
    await disk(ssh, ["fstab", deployment], lines.join(""));
  }
  const slot = parseSlotFile((await disk(ssh, ["slot"])).stdout) ?? die("the image has no boot slot that can be read");
  await ssh.exec(install, ["boot", "a.cfg"], { input: slotFile(withArguments(slot, plan, o.kernelArguments)) });
  await disk(ssh, ["record", o.id]);
  task.step("flushing everything to the disk");
  await disk(ssh, ["finish", image.identity]);
}

/** The image's slot with this server's additions. */
function withArguments(slot: Slot, plan: Plan, extra: string[]): Slot {
  const words = slot.options.split(" ").filter((w) => !w.startsWith("pine.deadman="));
  const consoles = plan.consoles.map((c) => `console=${c}`);
  // the provider shows the old system's last console, so it becomes the last one here too
  const own = words.filter((w) => !consoles.includes(w) && !extra.includes(w));
  const at = own.findIndex((w) => w.startsWith("ostree="));
  own.splice(at < 0 ? own.length : at, 0, ...consoles, ...extra, `pine.deadman=${plan.deadman}`);
  return { ...slot, options: own.join(" ") };
}

export const leaveRam = (ssh: Ssh): Promise<void> => disk(ssh, ["reboot"], undefined, 30_000).then(() => ssh.close());
