import { expect, test } from "vitest";
import { biosBoot } from "../../../../provider/image/disk/grub-bios.ts";

/** Buffers of the right shape, each byte telling where it comes from. */
function parts(coreSize = 1300) {
  const sector = (fill: number) => {
    const b = Buffer.alloc(512, fill);
    b.writeUInt16LE(0xaa55, 510);
    return b;
  };
  const coreImg = Buffer.alloc(coreSize, 0xc0);
  coreImg.writeUInt16LE(0x820, 0x1fe);
  return { bootImg: sector(0xb0), mbr: sector(0x30), coreImg, lba: 2048, sectors: 2048 };
}

test("the boot sector is GRUB's code with the disk's own signature and partition table", () => {
  const { mbr } = biosBoot(parts());
  expect(mbr.readBigUInt64LE(0x5c)).toBe(2048n);
  expect([...mbr.subarray(0x64, 0x68)]).toEqual([0xff, 0xb0, 0x90, 0x90]);
  expect(mbr.subarray(0, 0x5c).every((x) => x === 0xb0)).toBe(true);
  expect(mbr.subarray(0x68, 0x1b8).every((x) => x === 0xb0)).toBe(true);
  expect(mbr.subarray(0x1b8, 0x1fe).every((x) => x === 0x30)).toBe(true);
  expect(mbr.readUInt16LE(510)).toBe(0xaa55);
});

test("core.img says where the rest of it lies, padded to whole sectors", () => {
  const { core } = biosBoot(parts(1300));
  expect(core.length).toBe(3 * 512);
  expect(core.readBigUInt64LE(0x1f4)).toBe(2049n);
  expect(core.readUInt16LE(0x1fc)).toBe(2);
  expect(core.readUInt16LE(0x1fe)).toBe(0x820);
  expect(core.subarray(1300).every((x) => x === 0)).toBe(true);
});

test("its input stays as it was", () => {
  const input = parts();
  const before = Object.values(input).map((v) => (Buffer.isBuffer(v) ? v.toString("hex") : v));
  biosBoot(input);
  expect(Object.values(input).map((v) => (Buffer.isBuffer(v) ? v.toString("hex") : v))).toEqual(before);
});

test.each([
  ["a core.img that does not fit", { ...parts(1300), sectors: 2 }, /3 sectors, its place 2/],
  ["a core.img of one sector", parts(512), /1 sectors/],
  ["another program as core.img", { ...parts(), coreImg: Buffer.alloc(1300) }, /not as expected/],
  [
    "a disk without a partition table",
    { ...parts(), mbr: Buffer.alloc(512) },
    /no partition table in its first sector/,
  ],
  ["a boot.img that is cut", { ...parts(), bootImg: Buffer.alloc(100) }, /no boot sector/],
])("refuses %s", (_, input, message) => expect(() => biosBoot(input)).toThrow(message));
