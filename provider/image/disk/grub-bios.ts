/**
 * What grub-bios-setup does, on buffers: the boot sector, and core.img for a BIOS boot partition or the gap behind an
 * MBR. Pure.
 */
import { die } from "../../errors.ts";
import { SECTOR } from "./partitions.ts";

/** Offsets in boot.img, from GRUB's include/grub/i386/pc/boot.h. */
const BOOT = { kernelSector: 0x5c, drive: 0x64, driveCheck: 0x66, windowsMagic: 0x1b8 };
/** GRUB_BOOT_MACHINE_KERNEL_ADDR >> 4 is 0x800; the rest of core.img is loaded a sector behind it. */
const KERNEL_SEGMENT = 0x820;
/** First block list of diskboot.img, the first sector of core.img: u64 sector, u16 count, u16 segment. */
const BLOCK_LIST = SECTOR - 12;

/**
 * The first sector of the disk and what lies where core.img goes. `mbr` is the first sector with its partition table
 * (with GPT the protective one), `lba` the first sector of core.img's place, `sectors` how many it has.
 */
export function biosBoot(o: { bootImg: Buffer; coreImg: Buffer; mbr: Buffer; lba: number; sectors: number }): {
  mbr: Buffer;
  core: Buffer;
} {
  if (o.bootImg.length !== SECTOR || o.bootImg.readUInt16LE(510) !== 0xaa55) die("GRUB's boot.img is no boot sector");
  if (o.mbr.length !== SECTOR || o.mbr.readUInt16LE(510) !== 0xaa55)
    die("the disk has no partition table in its first sector");
  const count = Math.ceil(o.coreImg.length / SECTOR);
  if (count < 2 || count > o.sectors) die(`GRUB's core.img has ${count} sectors, its place ${o.sectors}`);
  const list = o.coreImg.readUInt16LE(BLOCK_LIST + 10);
  if (list !== KERNEL_SEGMENT) die(`GRUB's core.img is not as expected: segment ${list.toString(16)}`);

  const mbr = Buffer.from(o.bootImg);
  mbr.writeBigUInt64LE(BigInt(o.lba), BOOT.kernelSector);
  mbr[BOOT.drive] = 0xff; // the drive that the firmware booted from
  mbr.fill(0x90, BOOT.driveCheck, BOOT.driveCheck + 2); // no jump over the fix for firmwares that name a wrong drive
  o.mbr.copy(mbr, BOOT.windowsMagic, BOOT.windowsMagic, SECTOR); // disk signature and partition table

  const core = Buffer.alloc(count * SECTOR);
  o.coreImg.copy(core);
  core.writeBigUInt64LE(BigInt(o.lba + 1), BLOCK_LIST);
  core.writeUInt16LE(count - 1, BLOCK_LIST + 8);
  core.writeUInt16LE(KERNEL_SEGMENT, BLOCK_LIST + 10);
  return { mbr, core };
}
