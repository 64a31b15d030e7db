/** What a root needs of a commit and of this machine, checked before anything is made. */
import { basename } from "node:path";
import { die } from "../../errors.ts";
import { DEFAULT, mountHint, rootFilesystem } from "../../filesystems/all.ts";
import { type CommitManifest, rootsOf } from "../ostree/commits.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { needQemuFor } from "./fill.ts";

/** Dies where the commit's initramfs does not mount such a root. */
export function needMount(commit: Pick<CommitManifest, "checksum" | "filesystems">, filesystem: string): void {
  if (rootsOf(commit).includes(filesystem)) return;
  die(
    `filesystem: the initramfs of commit ${commit.checksum.slice(0, 12)} does not mount ${filesystem}`,
    `${mountHint(filesystem)}, or leave filesystem out for ${DEFAULT}`,
  );
}

/** Dies where a disk with this root cannot be made here, or could not grow. `grow`: as ImageOptions have it. */
export async function needed(
  { store, toolbox, task }: Workshop,
  commit: CommitManifest,
  o: { filesystem?: string; grow?: boolean },
): Promise<void> {
  const { filesystem = DEFAULT } = o;
  const { make, grows } = rootFilesystem(filesystem);
  needMount(commit, filesystem);
  if (make) await needQemuFor(filesystem);
  if (o.grow === false || grows === undefined) return;
  const binds = [{ source: store.repo, target: "/run/repo", readOnly: true }];
  const there = ["ostree", "ls", "--repo=/run/repo", commit.checksum, grows.program];
  const { exitCode } = await toolbox.run(there, { binds, signal: task.signal, ok: [0, 1] });
  if (exitCode === 0) return;
  die(
    `grow: ${filesystem} grows by ${basename(grows.program)}, which this commit does not have`,
    `add the package "${grows.package}" to the Rootfs, or set grow: false`,
  );
}
