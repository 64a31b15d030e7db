/**
 * Writes an image over the old system: into a RAM system by kexec (enterRam), the image to the disk with every block read back
 * (writeImage), then what makes the server itself (finishDisk). What is planned stands in plan-overwrite.ts; scripts in system/ram.
 */
import type { Readable } from "node:stream";
import { assetText } from "../assets.ts";
import { die } from "../errors.ts";
import { envBlock, parseSlotFile, type Slot, type SlotName, slotFile } from "../image/slots.ts";
import { humanBytes, type Task } from "../task.ts";
import { agent } from "./agent.ts";
import { type InstallRecord, installScript } from "./alongside.ts";
import { connectionLost } from "./health.ts";
import type { HostFile } from "./hostfiles.ts";
import { hostKeyArguments, keepHostKeys } from "./hostkeys.ts";
import { keptKeys } from "./plan-keys.ts";
import { reboot } from "./trial.ts";
import type { Plan, Ssh } from "./types.ts";

/** What starts the RAM system, as image/ram.ts makes it. */
export interface RamToSend {
  /** Bytes. */
  size: number;
  /** A tar of vmlinuz, initramfs.img and tools/. */
  open(): Readable;
}

/** The image as it is sent. */
export interface ImageToSend {
  sha256: string;
  /** Bytes of the disk. */
  diskSize: number;
  /** Bytes from its start. */
  rootStart: number;
  rootType: string;
  /** Of its /boot partition, where it has one. */
  bootStart?: number;
  /** "<checksum>.<serial>". */
  deployment: string;
  /** sha256 of every block. */
  digests: string[];
  /** Bytes of a block. */
  block: number;
  /** Compressed, from a block on. */
  open(from: number): Readable;
}

/** Seconds the RAM system waits for somebody before it reboots into the old system. */
export const RAM_DEADMAN = 600;

/** Sends the RAM system and jumps into it: the connection is lost a moment later. Until then nothing on the server is changed. */
export async function enterRam(
  ssh: Ssh,
  o: {
    plan: Plan;
    ram: RamToSend;
    record: InstallRecord;
    ports: number[];
    /** Pine is the old system. */
    pine: boolean;
    /** Who reboots it, for others that come meanwhile. */
    owner: string;
  },
  task: Task,
): Promise<void> {
  const script = assetText("system/ram/enter.sh");
  const step = (args: string[], input?: string) =>
    ssh.exec(script, args, { timeout: 300_000, input, what: `entering the RAM system: ${args[0]}` });
  const { plan, ram, record } = o;
  task.step("preparing the RAM system");
  await step(["begin"]);
  try {
    await ssh.upload(ram.open(), script, ["receive"], {
      what: "sending the RAM system",
      onProgress: (bytes) => task.step(`sent ${humanBytes(bytes)} of ${humanBytes(ram.size)} of the RAM system`),
    });
    await step(["hostkeys", ...hostKeyArguments(plan.hostKeyFiles)]);
    const { resolvConf = "", interfaces, mactab, hosts } = plan.network;
    const own: [string, string, string][] = [
      ["/etc/network/interfaces", interfaces, "644"],
      ["/etc/mactab", mactab, "644"],
      ["/etc/resolv.conf", resolvConf, "644"],
      ["/etc/hosts", hosts, "644"],
      ["/etc/hostname", `${plan.hostname}\n`, "644"],
      ["/etc/ports", o.ports.map((p) => `${p}\n`).join(""), "644"],
      ["/root/.ssh/authorized_keys", `${keptKeys(plan.authorizedKeys, [], [], "dropbear").lines.join("\n")}\n`, "600"],
      ["/run/pine-ram/install", recordText(record), "644"],
      ["/run/pine-ram/plan", `${JSON.stringify(plan)}\n`, "600"],
    ];
    for (const [path, content, mode] of own) await step(["put", path, mode], content);
    const consoles = plan.consoles.map((c) => `console=${c}`);
    const options = ["panic=10", ...consoles, `pine.deadman=${RAM_DEADMAN}`].join(" ");
    task.step("loading the RAM system");
    const { enter, slot } = plan.overwrite!;
    if (enter === "grub") {
      await step(["stage", slot], slotFile({ ...staged(plan), options }));
      return await bootByGrub(ssh, { slot, ...o }, task);
    }
    const [load, go] = enter === "kexec" ? [["load", options], "go"] : [["unpack", ...modulesFor(plan)], "leave"];
    await step(load);
    task.step(enter === "kexec" ? "jumping into the RAM system" : "shutting down into the RAM system");
    // the connection may go with it
    await step([go]).catch((error: unknown) => {
      if (!connectionLost(error)) throw error;
    });
  } catch (error) {
    await step(["end"]).catch(() => {});
    throw error;
  }
}

/** What the RAM system needs of a kernel that is not its own: cards and disks work already. */
function modulesFor(plan: Plan): string[] {
  const { data, filesystem = "ext4" } = plan.overwrite!;
  const modules = ["af_packet", ...new Set(["ext4", filesystem, ...data.map((d) => d.filesystem)])];
  // ifupdown-ng knows a VLAN by its name
  if (/^iface \S+\.\d+/m.test(plan.network.interfaces)) modules.push("8021q");
  return modules;
}

/** The RAM system in the server's /boot, as GRUB finds it there. */
function staged({ disk: { rootUuid, bootUuid } }: Plan): Omit<Slot, "options"> {
  const at = bootUuid ? "/pine-ram" : "/boot/pine-ram";
  return { title: "Pine RAM system", uuid: bootUuid ?? rootUuid, linux: `${at}/vmlinuz`, initrd: `${at}/initrd` };
}

/** The server's own GRUB boots the RAM system once, then what it booted before. */
async function bootByGrub(ssh: Ssh, o: { slot: SlotName; pine: boolean; owner: string }, task: Task): Promise<void> {
  const install = installScript();
  if (!o.pine) {
    await ssh.exec(install, ["boot", "grub.cfg"], { input: assetText("system/grub/pine.cfg") });
    await ssh.exec(install, ["boot", "env"], { input: envBlock({}) });
    await ssh.exec(install, ["grub"], { input: assetText("system/grub/custom.cfg") });
  }
  await agent(ssh, ["arm", o.slot, "1"]);
  task.step("rebooting into the RAM system");
  await reboot(ssh, o.owner);
}

/** Forgets a RAM system that did not come up: the old system answers. */
export async function forgetRam(ssh: Ssh): Promise<void> {
  await ssh.exec(assetText("system/ram/enter.sh"), ["end"], { timeout: 60_000, what: "removing the RAM system" });
}

export function recordText(r: InstallRecord): string {
  return `id=${r.id}\nstack=${r.stack}\nurn=${r.urn}\nmethod=overwrite\ncreated=${r.created}\nold=${r.old}\n`;
}

const disk = (ssh: Ssh, args: string[], input?: string, timeout = 300_000) =>
  ssh.exec(assetText("system/ram/disk.sh"), args, { timeout, input, what: `writing the disk: ${args[0]}` });

/**
 * Writes the blocks that are not there yet. Answers the compressed bytes sent, and whether a run that was cut off finished the
 * disk already. Every block was read back from the disk and compared.
 */
export async function writeImage(
  ssh: Ssh,
  plan: Plan,
  image: ImageToSend,
  task: Task,
): Promise<{ sent: number; finished: boolean; device: string }> {
  const target = plan.overwrite!.disk;
  const { stdout: device } = await disk(ssh, ["find", String(target.bytes), String(target.sectorSize), target.head]);
  const mib = image.diskSize / (1024 * 1024);
  const begun = await disk(ssh, ["image", image.sha256, String(mib)], image.digests.map((d) => `${d}\n`).join(""));
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
    await ssh.upload(image.open(from), assetText("system/ram/disk.sh"), ["write"], {
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

/** When all is written: the count of what was compared, and a flush. Nothing of the disk is this server's yet. */
export async function settleImage(ssh: Ssh, image: ImageToSend, task: Task): Promise<void> {
  task.step("the image is on the disk");
  const compared = Number((await disk(ssh, ["flush"])).stdout.trim());
  const total = image.digests.length;
  if (compared !== total) die(`only ${compared} of ${total} blocks were compared`, "run `pulumi up` again");
}

/** Data partitions, identity, kernel arguments and the record of the installation; ends with everything on the disk, unmounted. */
export async function finishDisk(
  ssh: Ssh,
  o: { plan: Plan; image: ImageToSend; id: string; files: HostFile[]; kernelArguments: string[] },
  task: Task,
): Promise<void> {
  const { plan, image } = o;
  const { deployment, rootType } = image;
  const data = plan.overwrite!.data;
  for (const d of data) {
    task.step(`data partition ${d.label}${d.keep ? ", kept" : ""}`);
    const size = String(d.bytes ?? 0);
    await disk(ssh, ["table", d.label, String(d.start), size, d.partuuid ?? "-", d.filesystem, d.keep ? "1" : "0"]);
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
  task.step("everything to the disk");
  await disk(ssh, ["finish"]);
}

/** The image's slot with what this server adds to it. */
function withArguments(slot: Slot, plan: Plan, extra: string[]): Slot {
  const words = slot.options.split(" ").filter((w) => !w.startsWith("pine.deadman="));
  const consoles = plan.consoles.map((c) => `console=${c}`);
  // the old system's last console is what its provider shows: it becomes the last one here too
  const own = words.filter((w) => !consoles.includes(w) && !extra.includes(w));
  const at = own.findIndex((w) => w.startsWith("ostree="));
  own.splice(at < 0 ? own.length : at, 0, ...consoles, ...extra, `pine.deadman=${plan.deadman}`);
  return { ...slot, options: own.join(" ") };
}

export const leaveRam = (ssh: Ssh): Promise<void> => disk(ssh, ["reboot"], undefined, 30_000).then(() => ssh.close());
