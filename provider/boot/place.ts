/** Where the slots lie, and the configuration of GRUB that reads them. Pure. */

/** Folder of the slots, from the root of the root filesystem. */
export const SLOTS_DIR = "boot/grub/pine";

/**
 * Where the slots lie when that is not the root filesystem: the installed system binds them to boot/grub/pine
 * (system/rootfs, pine-slots).
 */
export interface SlotsPlace {
  /** Type and UUID of the filesystem, as blkid names them. */
  type: string;
  uuid: string;
  /** From its top: "/grub/pine". */
  path: string;
}

/** Ends what custom.cfg and image.cfg say of where they look. */
const LOOKED = /^ {2}set pine_config=\$config_directory.*\nfi$/m;

/**
 * A configuration of GRUB's out of system/grub (custom.cfg, image.cfg): where it finds the folder of the slots, if not
 * beside itself.
 */
export function slotsConfig(template: string, slots?: SlotsPlace): string {
  if (slots?.type !== "vfat") return template;
  const found = [`search --no-floppy --fs-uuid --set=pine_esp ${slots.uuid}`, `set pine_dir=($pine_esp)${slots.path}`];
  return template.replace(LOOKED, (looked) => [looked, ...found].join("\n"));
}
