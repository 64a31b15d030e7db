/** DiskImage's preview refuses a root that the commit does not boot from, before anything is made. */
import { expect, test } from "vitest";
import { Unknown } from "../../../../provider/properties/values.ts";
import { diskImage } from "../../../../provider/resources/images/disk-image.ts";
import { call, putCommit } from "../store-fixture.ts";

const commit = "c1".repeat(32);
const preview = (filesystem: string, filesystems?: string[]) => {
  putCommit(commit, { rootfs: commit, filesystems });
  return diskImage.create(call(), { inputs: { commit, filesystem } });
};
const refused =
  /^filesystem: the initramfs of commit c1c1c1c1c1c1 does not mount btrfs; add "btrfs-progs" to `packages`.*leave filesystem out/;

test("btrfs is refused where the initramfs has it not, also of a commit from before that was kept", async () => {
  await expect(preview("btrfs", ["ext4", "xfs"])).rejects.toThrow(refused);
  await expect(preview("btrfs")).rejects.toThrow(refused);
});
test.each(["ext4", "xfs", "btrfs"])("%s is taken where it is there", async (filesystem) => {
  const { state } = await preview(filesystem, ["ext4", "xfs", "btrfs"]);
  expect(state).toMatchObject({ commit, sha256: Unknown.value });
});
