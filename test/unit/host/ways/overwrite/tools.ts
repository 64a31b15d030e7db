/** What the tests of an overwrite's plan share: the lab's Debian with a disk, and ways to change one thing. */
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { Disk } from "../../../../../provider/host/facts/types/storage.ts";
import type { DataPartition, ImageFacts, PlanInputs } from "../../../../../provider/host/plan/types.ts";
import { planInstall } from "../../../../../provider/host/ways/plan.ts";
import { facts as labFacts, image as labImage, inputs as labInputs } from "../../plan/tools.ts";

export const MiB = 1024 * 1024;
export const GiB = 1024 * MiB;

export const volume = { holds: [], mounts: [] as string[] };
export const disk = (change: Partial<Disk> = {}): Disk => ({
  ...volume,
  device: "/dev/vda",
  ids: ["virtio-one"],
  bytes: 4 * GiB,
  table: "gpt",
  tableId: "92b3d58c-252d-8444-8818-a4f72a377994",
  removable: false,
  readOnly: false,
  sectorSize: 512,
  head: "a".repeat(64),
  partitions: [
    { ...volume, device: "/dev/vda1", number: 1, start: MiB, bytes: MiB },
    {
      ...volume,
      device: "/dev/vda2",
      number: 2,
      start: 2 * MiB,
      bytes: 4093 * MiB,
      type: "ext4",
      label: "cloudimg-rootfs",
      mounts: ["/"],
    },
  ],
  ...change,
});
/** The same disk with one partition more, mounted there. */
export const withMount = (mounts: string[], change: Partial<Disk["partitions"][0]> = {}) =>
  disk({
    partitions: [
      ...disk().partitions,
      { ...volume, device: "/dev/vda5", number: 5, start: GiB, bytes: GiB, mounts, ...change },
    ],
  });
export const facts = (change: (f: Facts) => void = () => {}) =>
  labFacts((f) => {
    f.disks = [disk()];
    f.kexec = { disabled: false };
    change(f);
  });
export const inputs: PlanInputs = { ...labInputs, method: "overwrite", erase: true };
export const set = (change: Partial<Facts>) => (f: Facts) => {
  Object.assign(f, change);
};
export const onLvm = (change: Partial<Facts>) => (f: Facts) => {
  Object.assign(f, change);
  f.root.kind = "lvm";
};
export const commit = "c".repeat(64);
export const image: ImageFacts = { ...labImage, commit, disk: { commit, bytes: 384 * MiB, packedBytes: 57e6 } };
export const plan = (f = facts(), i: Partial<PlanInputs> = {}, m: Partial<ImageFacts> = {}) =>
  planInstall(f, { ...inputs, ...i }, { ...image, ...m });
export const codes = (...args: Parameters<typeof plan>) => plan(...args).refusals.map((r) => r.code);
export const data = (change: Partial<DataPartition> = {}): DataPartition => ({
  label: "data",
  filesystem: "ext4",
  mountPoint: "/srv/data",
  ...change,
});
export const kept = {
  ...volume,
  device: "/dev/vda4",
  number: 4,
  start: GiB,
  bytes: GiB,
  type: "ext4",
  label: "data",
  partuuid: "p4",
};
