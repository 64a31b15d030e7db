/** An installation beside an old system, in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Facts } from "../../facts/types/facts.ts";
import { bootNotes } from "../../plan/boot.ts";
import type { Plan } from "../../plan/types.ts";
import { count, sendLines, sends } from "../../plan/words.ts";

/**
 * MemTotal of a machine with 216 MiB under UEFI, of which firmware and kernel take 46: with 208 GRUB 2.06 has no memory left to load the
 * kernel (measured with OVMF). No refusal: other firmware and newer GRUBs need less, and a trial that is not loaded goes back.
 */
const RAM_UEFI_KIB = 168 * 1024;

export function installNotes(facts: Facts, running: boolean, { boot: { boot, folder }, swap, erases }: Base): string[] {
  if (running) return [];
  const others = facts.mounts
    .filter((m) => !/^\/(boot|efi|sysroot|snap)(\/|$)/.test(m.target))
    .map((m) => m.target)
    .sort();
  const stays = others.length === 1 ? "stays as it is and is not" : "stay as they are and are not";
  return [
    ...bootNotes(facts, erases.length > 0),
    ...(facts.firmware === "uefi" && facts.ramKiB < RAM_UEFI_KIB
      ? [
          "under UEFI GRUB may have too little memory to load the kernel (with OVMF it takes 216 MiB): then the old system comes back",
        ]
      : []),
    ...(others.length > 0 ? [`${others.join(", ")} ${stays} mounted by the new system`] : []),
    ...(swap.length > 0 ? [`the new system uses the old one's swap (${count(swap.length, "partition")})`] : []),
    ...(boot
      ? [
          `/boot is ${boot.device} (${boot.type}): ${folder ? `GRUB cannot write there, its state is in ${folder}` : "GRUB's state is kept there"}; the new system's kernels are on the root file system`,
        ]
      : []),
    ...(["other", "mixed"].includes(facts.grub?.custom ?? "")
      ? ["custom.cfg of GRUB keeps its own lines; ours are added"]
      : []),
  ];
}

type Base = Omit<Plan, "summary" | "lines">;

export function summaryOf(p: Base, facts: Facts, title: string): string {
  const where = `${p.disk.rootDevice.replace("/dev/", "")} (${facts.root.type}, ${humanBytes(facts.root.freeKiB * 1024)} free)`;
  const kept = `keeps ${p.keeps.slice(0, 3).join(", ")}`;
  const left = p.erases.length > 0 ? `then removes ${title} for good; destroy leaves it` : "destroy leaves it";
  const end = p.restore
    ? `destroy restores ${p.existing === "ours" || p.existing === "adopt" ? p.restore : title}`
    : left;
  return `alongside ${title} on ${where}: ${sends(p)}, ${count(p.boots, "reboot")}; ${kept}; ${end}`;
}

export function linesOf(p: Base, facts: Facts, title: string, notes: string[]): string[] {
  const table = p.disk.ptuuid ? `, ${facts.root.tableType} ${p.disk.ptuuid}` : "";
  return [
    `method: alongside ${title}, which stays on ${p.disk.rootDevice} and stays the default until the new system is confirmed`,
    `disk: ${p.disk.device}${table}, root ${facts.root.type} ${p.disk.rootUuid}, ${humanBytes(facts.root.freeKiB * 1024)} free`,
    ...sendLines(p, facts),
    `${count(p.boots, "reboot")}, on trial: without confirmation within ${p.deadman} s it goes back by itself`,
    p.watchdog
      ? "a hardware watchdog ends a system on trial that hangs"
      : "no hardware watchdog: a system on trial that hangs hard needs a reset at the provider",
    `keeps: ${p.keeps.join(", ")}`,
    `erases: ${p.erases.join(", ") || "nothing"}`,
    p.restore ? `destroy: boots ${p.restore} again and removes Pine` : "destroy: leaves the server as it is",
    ...notes.map((n) => `note: ${n}`),
  ];
}
