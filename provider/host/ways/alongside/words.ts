/** An installation beside an old system, in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Facts } from "../../facts/types/facts.ts";
import { bootNotes } from "../../plan/boot.ts";
import type { Told, WayWords } from "../../plan/told.ts";
import { count, keepsShort, sends } from "../../plan/words.ts";

/**
 * MemTotal of a machine with 216 MiB under UEFI: firmware and kernel take 46 of it. With 208, GRUB 2.06 has no memory
 * left to load the kernel (measured with OVMF). This is no refusal: other firmware and newer GRUBs need less, and a
 * trial that is not loaded rolls back.
 */
const RAM_UEFI_KIB = 168 * 1024;

/** Notes that a person should read about such an installation. */
export function besideNotes(facts: Facts, { boot: { boot, folder }, swap, erases }: Told["plan"]): string[] {
  const others = facts.mounts
    .filter((m) => !/^\/(boot|efi|sysroot|snap)(\/|$)/.test(m.target))
    .map((m) => m.target)
    .sort();
  const stays = others.length === 1 ? "stays as it is and is not" : "stay as they are and are not";
  return [
    ...bootNotes(facts, erases.length > 0),
    ...(facts.firmware === "uefi" && facts.ramKiB < RAM_UEFI_KIB
      ? [
          "under UEFI GRUB may have too little memory to load the kernel (with OVMF it takes 216 MiB): then the server rolls back to the old system",
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
      ? ["GRUB's custom.cfg keeps its own lines; Pine's are added"]
      : []),
  ];
}

export function besideWords({ plan: p, facts, title }: Told): WayWords {
  const free = `${humanBytes(facts.root.freeKiB * 1024)} free`;
  const table = p.disk.ptuuid ? `, ${facts.root.tableType} ${p.disk.ptuuid}` : "";
  const left =
    p.erases.length > 0
      ? `then removes ${title} for good; destroy leaves the server as it is`
      : "destroy leaves the server as it is";
  const back = p.existing === "ours" || p.existing === "adopt" ? p.restore : title;
  return {
    head: `alongside ${title} on ${p.disk.rootDevice.replace("/dev/", "")} (${facts.root.type}, ${free})`,
    effort: `${sends(p)}, ${count(p.boots, "reboot")}`,
    parts: [keepsShort(p), p.restore ? `destroy restores ${back}` : left],
    before: [
      `method: alongside ${title}, which stays on ${p.disk.rootDevice} and remains the default until the new system is confirmed`,
      `disk: ${p.disk.device}${table}, root ${facts.root.type} ${p.disk.rootUuid}, ${free}`,
    ],
    erases: p.erases.join(", ") || "nothing",
    destroy: p.restore ? `destroy: boots ${p.restore} again and removes Pine` : "destroy: leaves the server as it is",
  };
}
