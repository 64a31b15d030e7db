/** What an overwrite will do. Pure. */
import type { Facts } from "../../facts/types/facts.ts";
import type { Step } from "../../plan/steps.ts";
import type { ImageFacts, OverwritePlan, PlanInputs } from "../../plan/types.ts";
import { chooseDisk, describePartitions, layoutData } from "./disk.ts";
import { enterWay, ramBytes } from "./enter-way.ts";

/** The disk's part of the plan. Refusals were reported before (refusals.ts). */
export function planDiskOf(facts: Facts, inputs: PlanInputs, image: ImageFacts): OverwritePlan | undefined {
  const chosen = chooseDisk(facts, inputs);
  if (!("disk" in chosen) || chosen.disk.head === undefined) return undefined;
  const { disk } = chosen;
  const layout = layoutData(disk, inputs.dataPartitions ?? [], image.disk?.bytes ?? image.diskAtLeast ?? 0);
  const enter = enterWay(facts, disk);
  if ("refusal" in layout || !enter) return undefined;
  const kept = new Set(layout.data.filter((d) => d.keep).map((d) => d.start));
  // a file system may also lie on the disk itself, without a table or beside one
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
    erases: `${device}${disk.tableId ? ` (${disk.table} ${disk.tableId})` : ""}: ${gone || "no partitions, and no known file system"}`,
  };
}

export const overwriteBytes = (image: ImageFacts) => image.disk && image.disk.packedBytes + ramBytes(image);

/** What is done once the RAM system runs. */
export const stepsInRam = (watchdog: boolean): Step[] => [{ do: "write-disk" }, { do: "boot-disk", watchdog }];
