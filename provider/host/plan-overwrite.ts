/** What an overwrite will do. Pure. */
import { humanBytes } from "../task.ts";
import { carriedHostname } from "./hostfiles.ts";
import { hostsFile } from "./network-files.ts";
import { chooseDisk, describePartitions, layoutData } from "./plan-disk.ts";
import { enterWay, imageProblem, ramBytes } from "./plan-overwrite-refusals.ts";
import type { Facts, ImageFacts, OverwritePlan, Plan, PlanInputs, PlanResult } from "./types.ts";

type Base = Omit<Plan, "summary" | "lines">;

/** The disk's part of the plan; refusals are told already (plan-overwrite-refusals.ts). */
export function planDiskOf(facts: Facts, inputs: PlanInputs, image: ImageFacts): OverwritePlan | undefined {
  const chosen = chooseDisk(facts, inputs);
  if (!("disk" in chosen) || chosen.disk.head === undefined) return undefined;
  const { disk } = chosen;
  const layout = layoutData(disk, inputs.dataPartitions ?? [], image.disk?.bytes ?? image.diskAtLeast ?? 0);
  const enter = enterWay(facts, disk);
  if ("refusal" in layout || !enter) return undefined;
  const kept = new Set(layout.data.filter((d) => d.keep).map((d) => d.start));
  // a file system may be on the disk itself, without a table, or beside one
  const whole = disk.type !== undefined || disk.holds.length > 0 ? [disk] : [];
  const gone = describePartitions([...whole, ...disk.partitions.filter((p) => !kept.has(p.start))]);
  const { device, bytes, sectorSize } = disk;
  return {
    enter,
    slot: facts.pine.deployment !== undefined && facts.pine.runningSlot === "a" ? "b" : "a",
    disk: { device, bytes, sectorSize, head: disk.head! },
    data: layout.data,
    filesystem: image.disk?.filesystem,
    erases: `${device}${disk.tableId ? ` (${disk.table} ${disk.tableId})` : ""}: ${gone || "no partitions, and no file system that is known"}`,
  };
}

export const overwriteBytes = (image: ImageFacts) => image.disk && image.disk.packedBytes + ramBytes(image);

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
const sends = (p: Base) => (p.sendBytes === undefined ? "send the image" : `send about ${humanBytes(p.sendBytes)}`);

function dataText(p: Base): string[] {
  return p.overwrite!.data.map((d) => {
    const size = d.bytes === undefined ? "the rest" : humanBytes(d.bytes);
    return `${d.keep ? "keeps" : "makes"} data partition ${d.label} (${d.filesystem}, ${size}) on ${d.mountPoint}`;
  });
}

export function overwriteSummary(p: Base, title: string): string {
  const kept = `keeps ${p.keeps.slice(0, 3).join(", ")}`;
  const parts = [`ERASES ${p.overwrite!.erases}`, ...dataText(p), kept, "destroy leaves the server as it is"];
  return `overwrite ${title}: ${sends(p)}, ${count(p.boots, "reboot")}; ${parts.join("; ")}`;
}

const ENTERS = {
  kexec: "kexec",
  grub: "booted once by the server's own GRUB, since its kernel starts no other",
  shutdown: "systemd's shutdown leaves the running kernel to it, since that one starts no other and GRUB cannot either",
};

export function overwriteLines(p: Base, title: string, notes: string[]): string[] {
  const { disk, erases } = p.overwrite!;
  return [
    `method: overwrite ${title}: a RAM system takes over (${ENTERS[p.overwrite!.enter]}), the image is written over the disk and every block read back`,
    `disk: ${disk.device}, ${humanBytes(disk.bytes)}`,
    `${sends(p)}, a part of it the RAM system`,
    `${count(p.boots, "reboot")}: into the RAM system, and from the written disk; nothing leads back to ${title} once the disk is written`,
    "a connection that breaks in between is gone on with by the next `up`; a power cut while the disk is written leaves a server that does not boot",
    p.watchdog
      ? "a hardware watchdog ends a system that hangs"
      : "no hardware watchdog: a system that hangs hard needs a reset at the provider",
    `keeps: ${p.keeps.join(", ")}`,
    `erases: ${erases}`,
    ...dataText(p).map((l) => `data: ${l}`),
    "destroy: leaves the server as it is, for there is no old system to give back",
    ...notes.map((n) => `note: ${n}`),
  ];
}

/** An overwrite that was cut off: the RAM system has its plan. */
export function planRam(facts: Facts, inputs: PlanInputs, image: ImageFacts): PlanResult {
  const ram = facts.pine.ram!;
  const refuse = (code: string, message: string, hint: string): PlanResult => ({ refusals: [{ code, message, hint }] });
  if (ram.install.stack !== inputs.stack)
    return refuse(
      "pine-other-stack",
      `another stack is overwriting this server: ${ram.install.stack ?? "unknown"} (${ram.install.urn ?? "no urn"})`,
      "run `pulumi up` there",
    );
  if (inputs.method !== "overwrite" && !(inputs.method !== "alongside" && inputs.erase))
    return refuse(
      "ram",
      "an overwrite of this server was cut off: its RAM system runs, and the old system may be gone",
      'set method: "overwrite" and erase: true again, and run `pulumi up`',
    );
  let plan: Plan;
  try {
    plan = JSON.parse(ram.plan) as Plan;
  } catch {
    return refuse("ram", "the RAM system's plan cannot be read", "install the server anew at its provider");
  }
  const unfit = imageProblem(image);
  if (unfit) return { refusals: [unfit] };
  const target = plan.overwrite!;
  const reach = image.disk?.bytes ?? image.diskAtLeast ?? 0;
  const least = Math.min(target.disk.bytes, ...target.data.map((d) => d.start));
  if (reach > least)
    return refuse(
      "image-size",
      `the image has ${humanBytes(reach)}, and ${humanBytes(least)} is what the overwrite that was cut off left for it`,
      "use the image from before, or a smaller one",
    );
  const done =
    ram.image && ram.blocks ? `${ram.verified} of ${ram.blocks} blocks are written` : "nothing is written yet";
  const summary = `goes on with the overwrite of ${ram.install.old ?? "the old system"} on ${target.disk.device}: ${ram.finished ? "all is written" : done}; 1 reboot; keeps ${plan.keeps.slice(0, 3).join(", ")}`;
  // what a run before could not use, or was given otherwise, counts as it is given now
  const hostname = inputs.hostname ?? carriedHostname(plan.hostname).hostname;
  const network = { ...plan.network, hosts: hostsFile(hostname) };
  const own = { hostname, network, deadman: inputs.deadman ?? plan.deadman };
  return {
    plan: { ...plan, ...own, boots: 1, existing: "half", summary, lines: [summary, ...plan.lines] },
    refusals: [],
  };
}
