/** A kernel of some 80 bytes: it writes its command line to the first serial line and resets the machine. */

/** Memory that GRUB puts it to. */
const AT = 0x100000;

/** 32-bit code; %esi points to the boot parameters (Linux' Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"). */
// biome-ignore format: what belongs together is in one line
const CODE = [
  0x8b, 0x9e, 0x28, 0x02, 0x00, 0x00, // mov 0x228(%esi),%ebx: the command line
  0x66, 0xba, 0xfd, 0x03, // 1: mov $0x3fd,%dx: the line's state
  0xec, 0xa8, 0x20, 0x74, 0xfb, // 2: in (%dx),%al; test $0x20,%al; jz 2b: until it takes a byte
  0x8a, 0x03, 0x43, // mov (%ebx),%al; inc %ebx
  0x66, 0xba, 0xf8, 0x03, // mov $0x3f8,%dx
  0x84, 0xc0, 0x74, 0x03, // test %al,%al; jz 3f
  0xee, 0xeb, 0xe9, // out %al,(%dx); jmp 1b
  0xb0, 0xfe, 0xe6, 0x64, // 3: mov $0xfe,%al; out %al,$0x64: the keyboard controller's reset
  0xf4, 0xeb, 0xfd, // hlt, for ever
];

/**
 * The file, as GRUB's `linux` wants it: a boot sector and one of set-up, with the header of boot protocol 2.10, then
 * the code.
 */
export function tinyKernel(): Buffer {
  const file = Buffer.alloc(2048);
  file[0x1f1] = 1; // sectors of set-up
  file.writeUInt32LE(1024 / 16, 0x1f4); // size of the code, in 16 bytes
  file.writeUInt16LE(0xaa55, 0x1fe);
  file.writeUInt16LE(0x66eb, 0x200); // a jump over the header, whose end it tells
  file.write("HdrS", 0x202, "latin1");
  file.writeUInt16LE(0x20a, 0x206);
  file[0x211] = 1; // loaded high
  file.writeUInt32LE(AT, 0x214);
  file.writeUInt32LE(0x7fffffff, 0x22c); // the highest address of an initramfs
  file.writeUInt32LE(0x1000, 0x230); // alignment
  file[0x234] = 1; // relocatable
  file[0x235] = 12;
  file.writeUInt32LE(2047, 0x238); // length of the command line
  file.writeUInt32LE(AT, 0x258);
  file.writeUInt32LE(0x10000, 0x260); // memory that it needs
  Buffer.from(CODE).copy(file, 1024);
  return file;
}
