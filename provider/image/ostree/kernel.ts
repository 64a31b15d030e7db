/** Kernel and initramfs of a commit: what an update needs room for where /boot is a partition of its own. */
import type { CommitKernel } from "../../boot/kernel.ts";
import { sha256 } from "../../local/hash.ts";
import { REPO } from "./check.ts";
import type { Workshop } from "./workshop.ts";

/** Reads the output of `ostree ls -RC COMMIT /usr/lib/modules`; undefined: a commit without a kernel. Pure. */
export function kernelOf(listing: string): CommitKernel | undefined {
  // mode, owner, group, bytes, checksum, path
  const line = /^-\d+ +\d+ +\d+ +(\d+) +([0-9a-f]{64}) +\/usr\/lib\/modules\/[^/]+\/(vmlinuz|initramfs\.img)$/;
  const found = listing.split("\n").flatMap((l) => {
    const [, bytes, checksum] = line.exec(l) ?? [];
    return checksum ? [{ bytes: Number(bytes), checksum }] : [];
  });
  if (found.length === 0) return undefined;
  return {
    bytes: found.reduce((sum, f) => sum + f.bytes, 0),
    id: sha256(found.map((f) => f.checksum).join()).slice(0, 16),
  };
}

/** Kernel and initramfs of a commit of the store. */
export async function kernelOfCommit({ store, toolbox, task }: Workshop, checksum: string) {
  const argv = ["ostree", "ls", `--repo=${REPO}`, "-RC", checksum, "/usr/lib/modules"];
  const binds = [{ source: store.repo, target: REPO, readOnly: true }];
  // a container has no such folder
  const { stdout } = await toolbox.run(argv, { binds, signal: task.signal, ok: [0, 1] });
  return kernelOf(stdout);
}
