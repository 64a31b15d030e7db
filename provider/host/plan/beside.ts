/** An installation beside an old system, on a machine and in a container: its steps, and what to know before. Pure. */
import { bootNotes } from "./boot.ts";
import type { Place, Step } from "./steps.ts";
import type { Told } from "./told.ts";
import type { Taken } from "./way.ts";
import { count } from "./words.ts";

export function besideSteps(place: Place, { facts, image, existing, deadman, removes }: Taken): Step[] {
  const { sysrootBytes: sendBytes, sysrootRange: sendRange, about } = image;
  const compression = facts.tools.zstd ? "zstd" : "gzip";
  return [
    { do: "check-signature" },
    { do: "install", place, compression, replaces: existing === "half", sendBytes, sendRange, about },
    { do: "trial", place, slot: "a", deadman, watchdog: facts.watchdog },
    ...(removes === undefined ? [] : [{ do: "remove-old", erases: removes } as const]),
  ];
}

/**
 * MemTotal of a machine with 216 MiB under UEFI: firmware and kernel take 46 of it. With 208, GRUB 2.06 has no memory
 * left to load the kernel (measured with OVMF). This is no refusal: other firmware and newer GRUBs need less, and a
 * trial that is not loaded rolls back.
 */
const RAM_UEFI_KIB = 168 * 1024;

/** Notes that a person should read about such an installation. */
export function besideNotes({ facts, plan }: Told): string[] {
  const {
    boot: { boot, folder },
    swap,
    erases,
  } = plan;
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
