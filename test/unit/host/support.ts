/**
 * What servers can be taken, as data: README's table is made of it, and support.test.ts holds each row to the planner.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFacts } from "../../../provider/host/facts/facts.ts";
import type { Facts } from "../../../provider/host/facts/types/facts.ts";
import type { PlanInputs } from "../../../provider/host/plan/types.ts";

/**
 * "seen": a test file that does it on a real server; "planned": the planner takes it, nobody has seen it; else the code
 * of the refusal.
 */
export type Support = { seen: string } | "planned" | { refused: string };

export interface Row {
  system: string;
  firmware: string;
  root: string;
  /** The facts of such a server. */
  facts: () => Facts;
  beside: Support;
  overwrite: Support;
}

const fixture = (name: string) =>
  parseFacts(readFileSync(join(import.meta.dirname, "../fixtures/facts", `${name}.txt`), "utf8"));
const lab = (change: (f: Facts) => void = () => {}) => {
  const f = fixture("debian-12-lab");
  change(f);
  return f;
};
const uefi = (f: Facts) => {
  f.firmware = "uefi";
  f.grub!.platforms = ["x86_64-efi"];
  f.mounts.push({ source: "/dev/vda15", target: "/boot/efi", type: "vfat", freeKiB: 100_000 });
};
const ubuntu = () => {
  const f = fixture("ubuntu-22.04-networkd");
  f.authorizedKeys.root = lab().authorizedKeys.root;
  // the fixture is of a login that could not read the disk
  for (const disk of f.disks) disk.head ??= "0".repeat(64);
  return f;
};
const ownBoot = () => {
  const f = fixture("debian-12-lab-parts");
  // the lab's has data on /home, which an overwrite refuses
  for (const disk of f.disks)
    for (const part of disk.partitions) part.mounts = part.mounts.filter((m) => m !== "/home");
  return f;
};
/** Debian's own kernel starts another; the lab's fixture was read where that was switched off. */
const kexec = { disabled: false, load: true };
const layer = (kind: Facts["root"]["kind"]) =>
  lab((f) => {
    f.root.kind = kind;
    f.kexec = kexec;
  });
const btrfs = () =>
  lab((f) => {
    f.root.type = "btrfs";
    f.kexec = kexec;
  });
const secure = () =>
  lab((f) => {
    uefi(f);
    f.secureBoot = true;
  });
const xen = () =>
  lab((f) => {
    f.xen = "PV";
  });
const container = (kind: string) =>
  lab((f) => {
    f.container = kind;
    f.rights = { unprivileged: true, refused: [], pivot: true };
  });
const e2e = (name: string) => ({ seen: `test/e2e/${name}.test.ts` });
const LAYOUTS = e2e("alongside-layouts");
const RELEASES = e2e("alongside-releases");
const OVERWRITE = e2e("overwrite");

/** What the inputs of a row's two methods add to those of a test. */
export const METHODS: Record<"beside" | "overwrite", Partial<PlanInputs>> = {
  beside: {},
  overwrite: { method: "overwrite", erase: true },
};

export const SUPPORT: Row[] = [
  {
    system: "Debian 11, 12, 13",
    firmware: "BIOS",
    root: "ext4 on a partition",
    facts: () => lab(),
    beside: RELEASES,
    overwrite: OVERWRITE,
  },
  {
    system: "Debian 13",
    firmware: "BIOS",
    root: "xfs on a partition",
    facts: () => fixture("debian-12-lab-xfs"),
    beside: LAYOUTS,
    overwrite: "planned",
  },
  {
    system: "Debian 12",
    firmware: "BIOS",
    root: "ext4, `/boot` of its own",
    facts: ownBoot,
    beside: LAYOUTS,
    overwrite: "planned",
  },
  {
    system: "Debian 12",
    firmware: "UEFI",
    root: "ext4 on a partition",
    facts: () => lab(uefi),
    beside: LAYOUTS,
    overwrite: OVERWRITE,
  },
  {
    system: "Debian 12",
    firmware: "UEFI",
    root: "ext4, `/boot` on btrfs",
    facts: () => fixture("debian-12-lab-boot-btrfs"),
    beside: LAYOUTS,
    overwrite: "planned",
  },
  {
    system: "Ubuntu 22.04",
    firmware: "BIOS",
    root: "ext4 on a partition",
    facts: ubuntu,
    beside: "planned",
    overwrite: "planned",
  },
  {
    system: "any",
    firmware: "BIOS or UEFI",
    root: "on LVM",
    facts: () => layer("lvm"),
    beside: { refused: "root-lvm" },
    overwrite: "planned",
  },
  {
    system: "any",
    firmware: "BIOS or UEFI",
    root: "on RAID",
    facts: () => layer("raid"),
    beside: { refused: "root-raid" },
    overwrite: "planned",
  },
  {
    system: "any",
    firmware: "BIOS or UEFI",
    root: "encrypted (LUKS)",
    facts: () => layer("luks"),
    beside: { refused: "root-luks" },
    overwrite: "planned",
  },
  {
    system: "any",
    firmware: "BIOS or UEFI",
    root: "btrfs",
    facts: btrfs,
    beside: { refused: "root-type" },
    overwrite: "planned",
  },
  {
    system: "any",
    firmware: "UEFI with Secure Boot",
    root: "any",
    facts: secure,
    beside: { refused: "secure-boot" },
    overwrite: { refused: "secure-boot" },
  },
  {
    system: "any",
    firmware: "Xen PV",
    root: "any",
    facts: xen,
    beside: { refused: "xen-pv" },
    overwrite: { refused: "xen-pv" },
  },
  {
    system: "Debian 12, 13 in a container",
    firmware: "LXC",
    root: "any",
    facts: () => container("lxc"),
    beside: e2e("container-life"),
    overwrite: { refused: "container" },
  },
  {
    system: "Debian or Ubuntu in a container",
    firmware: "OpenVZ",
    root: "any",
    facts: () => container("openvz"),
    beside: "planned",
    overwrite: { refused: "container" },
  },
  {
    system: "any in a container",
    firmware: "Docker, Podman",
    root: "any",
    facts: () => container("docker"),
    beside: { refused: "container" },
    overwrite: { refused: "container" },
  },
];

const shown = (s: Support) => (s === "planned" ? s : "seen" in s ? "seen" : `refused (\`${s.refused}\`)`);

/** The table as README has it. */
export const supportTable = (): string =>
  [
    "| system | firmware | root | beside the old system | its disk written over |",
    "| --- | --- | --- | --- | --- |",
    ...SUPPORT.map((r) => `| ${r.system} | ${r.firmware} | ${r.root} | ${shown(r.beside)} | ${shown(r.overwrite)} |`),
  ].join("\n");
