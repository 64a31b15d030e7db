import { expect, test } from "vitest";
import { kernelOf } from "../../../../provider/image/ostree/kernel.ts";

const [a, b] = ["a1".repeat(32), "b2".repeat(32)];
/** As ostree 2022.7 prints it of a commit of the lab. */
const listing = (
  kernel: string,
  initramfs: string,
) => `d00755 0 0      0 ${"d0".repeat(32)} ${"d1".repeat(32)} /usr/lib/modules
d00755 0 0      0 ${"d2".repeat(32)} ${"d3".repeat(32)} /usr/lib/modules/6.18.56-0-virt
-00644 0 0 3523252 ${initramfs} /usr/lib/modules/6.18.56-0-virt/initramfs.img
-00644 0 0  84503 ${"c3".repeat(32)} /usr/lib/modules/6.18.56-0-virt/modules.dep
-00644 0 0 12637184 ${kernel} /usr/lib/modules/6.18.56-0-virt/vmlinuz
-00644 0 0   7990 ${"c4".repeat(32)} /usr/lib/modules/6.18.56-0-virt/kernel/crypto/vmlinuz
`;

test("kernel and initramfs of a commit: their bytes, and whether they are the same", () => {
  const one = kernelOf(listing(a, b));
  expect(one).toMatchObject({ bytes: 3523252 + 12637184, id: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(kernelOf(listing(a, b))).toEqual(one);
  expect(kernelOf(listing(a, a))!.id).not.toBe(one!.id);
  expect(kernelOf(listing(b, b))!.id).not.toBe(one!.id);
});
test("a container has neither", () => expect(kernelOf("")).toBeUndefined());
