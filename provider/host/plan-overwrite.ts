/** What an overwrite will do. Pure. */
import { humanBytes } from "../words.ts";
import type { Facts } from "./facts/types/facts.ts";
import { chooseDisk, describePartitions, layoutData } from "./plan-disk.ts";
import { count } from "./plan-lines.ts";
import { enterWay, ramBytes } from "./plan-overwrite-refusals.ts";
import type { ImageFacts, OverwritePlan, Plan, PlanInputs } from "./plan-types.ts";

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
    asked: { network: inputs.network ?? "keep", authorizedKeys: inputs.authorizedKeys ?? [] },
    erases: `${device}${disk.tableId ? ` (${disk.table} ${disk.tableId})` : ""}: ${gone || "no partitions, and no file system that is known"}`,
  };
}

export const overwriteBytes = (image: ImageFacts) => image.disk && image.disk.packedBytes + ramBytes(image);

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
