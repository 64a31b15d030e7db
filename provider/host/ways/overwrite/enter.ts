/** From the old system into the RAM system of an overwrite, by kexec, the server's own GRUB or systemd's shutdown. */
import type { Readable } from "node:stream";
import { assetText } from "../../../assets.ts";
import { type Slot, type SlotName, slotFile } from "../../../boot/slot.ts";
import { envBlock } from "../../../boot/state.ts";
import type { Task } from "../../../task.ts";
import { humanBytes } from "../../../words.ts";
import { hostKeyArguments } from "../../files/hostkeys.ts";
import { keptKeys } from "../../plan/keys.ts";
import type { Plan } from "../../plan/types.ts";
import { enterScript, installScript } from "../../scripts.ts";
import { agent } from "../../server/agent.ts";
import type { InstallRecord } from "../../server/record.ts";
import { connectionLost } from "../../ssh/errors.ts";
import type { Ssh } from "../../ssh/types.ts";
import { reboot } from "../../trial/reboot.ts";

/** What starts the RAM system, as image/initramfs/ram-system.ts makes it. */
export interface RamToSend {
  /** Bytes. */
  size: number;
  /** A tar of vmlinuz, initramfs.img and tools/. */
  open(): Readable;
}

/** Seconds the RAM system waits for somebody before it reboots into the old system. */
export const RAM_DEADMAN = 600;

/**
 * Sends the RAM system and jumps into it; a moment later the connection is lost. Nothing on the server is changed
 * before that.
 */
export async function enterRam(
  ssh: Ssh,
  o: {
    plan: Plan;
    ram: RamToSend;
    record: InstallRecord;
    ports: number[];
    /** Whether Pine is the old system. */
    pine: boolean;
    /** Who reboots the server, shown to others that come meanwhile. */
    owner: string;
  },
  task: Task,
): Promise<void> {
  const script = enterScript();
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
    // the connection may be lost with it
    await step([go]).catch((error: unknown) => {
      if (!connectionLost(error)) throw error;
    });
  } catch (error) {
    await step(["end"]).catch(() => {});
    throw error;
  }
}

/** Modules that the RAM system needs on a kernel that is not its own. Cards and disks work already. */
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

/** The server's own GRUB boots the RAM system once. After that it boots what it booted before. */
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

/** Removes a RAM system that did not come up, when the old system answers instead. */
export async function forgetRam(ssh: Ssh): Promise<void> {
  await ssh.exec(enterScript(), ["end"], { timeout: 60_000, what: "removing the RAM system" });
}

export function recordText(r: InstallRecord): string {
  return `id=${r.id}\nstack=${r.stack}\nurn=${r.urn}\nmethod=overwrite\ncreated=${r.created}\nold=${r.old}\n`;
}
