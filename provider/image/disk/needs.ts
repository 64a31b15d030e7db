/** What a root other than ext4 needs of a commit and of this machine, checked before anything is made. */
import { die } from "../../errors.ts";
import { type CommitManifest, rootsOf } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { needQemu } from "./fill.ts";
import type { Filesystem } from "./sizes.ts";

/** Dies where the commit's initramfs does not mount such a root. */
export function needMount(commit: Pick<CommitManifest, "checksum" | "filesystems">, filesystem: Filesystem): void {
  if (rootsOf(commit).includes(filesystem)) return;
  die(
    `filesystem: the initramfs of commit ${commit.checksum.slice(0, 12)} does not mount ${filesystem}`,
    filesystem === "btrfs"
      ? 'add it to the Rootfs by packages: ["btrfs-progs"], or leave filesystem out for ext4'
      : "choose a `kernel` of the Rootfs that has it, or leave filesystem out for ext4",
  );
}

/** Dies where a disk with this root cannot be made here, or could not grow. `grow`: as ImageOptions have it. */
export async function needed(
  { store, toolbox, task }: Workshop,
  commit: CommitManifest,
  o: { filesystem?: Filesystem; grow?: boolean },
): Promise<void> {
  const { filesystem = "ext4" } = o;
  if (filesystem === "ext4") return;
  needMount(commit, filesystem);
  await needQemu(filesystem);
  // btrfs' programs grow it, too
  if (o.grow === false || filesystem !== "xfs") return;
  const binds = [{ source: store.repo, target: "/run/repo", readOnly: true }];
  const there = ["ostree", "ls", "--repo=/run/repo", commit.checksum, "/usr/sbin/xfs_growfs"];
  const { exitCode } = await toolbox.run(there, { binds, signal: task.signal, ok: [0, 1] });
  if (exitCode === 0) return;
  die(
    "grow: an xfs grows by xfs_growfs, which this commit does not have",
    'add the package "xfsprogs-extra" to the Rootfs, or set grow: false',
  );
}
