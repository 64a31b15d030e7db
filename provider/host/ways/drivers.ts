/**
 * Whether the commit's kernel drives the cards and disks that the server needs. Servers were lost because nobody
 * checked this: bnx2 without its firmware (siderolabs/talos#8761, flatcar/Flatcar#359, rancher/os#2877). Pure.
 */
import type { Lack } from "../../boot/device.ts";
import type { Facts } from "../facts/types/facts.ts";
import type { Check } from "../plan/check.ts";
import { type Ignorable, ignoring, isIgnored } from "../plan/ignorable.ts";
import type { ImageFacts, PlanInputs } from "../plan/types.ts";
import { refusal } from "../refusal.ts";
import { chooseDisk } from "./overwrite/disk.ts";
import { enterWay } from "./overwrite/enter-way.ts";

/**
 * Names of the cards that have addresses, or that are below an interface with addresses. An accelerated twin below a
 * card is not needed (on Azure and Google).
 */
function cardsInUse({ network: { interfaces } }: Facts): Set<string> {
  const used = new Set<string>();
  const add = (name: string): void => {
    const found = interfaces.find((i) => i.name === name);
    if (!found || used.has(name)) return;
    used.add(name);
    if (found.vlan) add(found.vlan.parent);
    if (found.kind === "physical") return;
    for (const below of interfaces)
      if (below.master === name || found.bond?.members.includes(below.name)) add(below.name);
  };
  for (const i of interfaces) if (i.addresses.some((a) => a.scope === "global")) add(i.name);
  return used;
}

/** Whether the disk is overwritten, or the new system is put beside the old one. */
type Kind = "over" | "beside";

/** The missing drivers that matter: those of cards in use, and of the disk that the system will be on. */
function lacking(kind: Kind, f: Facts, i: PlanInputs, { lacks = [], commit }: ImageFacts): Lack[] {
  // the running commit has shown that it works
  if (lacks.length === 0 || f.pine.deployment?.startsWith(`${commit}.`)) return [];
  const cards = cardsInUse(f);
  const chosen = kind === "over" ? chooseDisk(f, i) : undefined;
  const disk = chosen && "disk" in chosen ? chosen.disk.device : f.root.disk;
  return lacks.filter(({ use, name }) => (use === "card" ? cards.has(name) : disk === `/dev/${name}`));
}

const said = ({ use, name, module }: Lack) => `${use === "card" ? "network card" : "disk"} ${name} (${module})`;
const all = (lacks: Lack[]) => [...new Set(lacks.map(said))].join(" and ");

/** Whether nothing tries the new kernel before the disk is erased: the RAM system runs on the old one. */
function blind(f: Facts, i: PlanInputs): boolean {
  const chosen = chooseDisk(f, i);
  return enterWay(f, "disk" in chosen ? chosen.disk : undefined) === "shutdown";
}

const known = (code: Ignorable) => `${ignoring(code)} if you know that it works`;
const driverCode = ({ use }: Lack) => (use === "card" ? "card-driver" : "disk-driver");

export const driverRefusal =
  (kind: Kind): Check =>
  (f, i, image) => {
    if (i.rootWay === "none") return undefined;
    const lacks = lacking(kind, f, i, image);
    const without = lacks.filter((l) => l.firmware === undefined && !isIgnored(i, driverCode(l)));
    const code = without.some((l) => l.use === "card") ? "card-driver" : "disk-driver";
    if (without.length > 0)
      return refusal(
        code,
        `the kernel of the commit has no module for the ${all(without)}, so the server would not come up with it`,
        `set kernel: "lts" in the Rootfs, which has the modules of real machines; or ${known(code)}`,
      );
    const firmware = lacks.filter((l) => l.firmware !== undefined);
    if (firmware.length > 0 && kind === "over" && blind(f, i) && !isIgnored(i, "card-firmware"))
      return refusal(
        "card-firmware",
        `the ${all(firmware)} may need firmware files (${filesOf(firmware)}), which the commit does not have, and nothing tries its kernel before the disk is erased`,
        `name their package in \`packages\` of the Rootfs (linux-firmware-…; linux-firmware is all of them), or ${known("card-firmware")}`,
      );
    return undefined;
  };

const filesOf = (lacks: Lack[]) => {
  const files = [...new Set(lacks.flatMap((l) => l.firmware ?? []))];
  return files.length > 2 ? `${files.slice(0, 2).join(", ")}, …` : files.join(", ");
};

/** Notes for a plan that is not refused. */
export function driverNotes(kind: Kind, f: Facts, i: PlanInputs, image: ImageFacts): string[] {
  const lacks = lacking(kind, f, i, image);
  const firmware = lacks.filter((l) => l.firmware !== undefined);
  // only with force
  const without = lacks.filter((l) => l.firmware === undefined);
  return [
    ...(without.length > 0 ? [`the kernel of the commit has no module for the ${all(without)}`] : []),
    ...(firmware.length > 0 ? [firmwareNote(firmware)] : []),
  ];
}

const firmwareNote = (firmware: Lack[]) =>
  `the ${all(firmware)} may need firmware files (${filesOf(firmware)}), which the commit does not have: name their package in \`packages\` of the Rootfs if the system does not come up`;
