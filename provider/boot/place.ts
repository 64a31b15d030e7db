/** Where the slots lie, and the configuration of GRUB that reads them. Pure. */

/** Folder of the slots, from the root of the root filesystem. */
export const SLOTS_DIR = "boot/grub/pine";

/**
 * Where the slots lie when they are not on the root filesystem. The installed system binds them to boot/grub/pine
 * (system/rootfs, pine-slots).
 */
export interface SlotsPlace {
  /** Type and UUID of the filesystem, as blkid names them. */
  type: string;
  uuid: string;
  /** Path from the top of that filesystem: "/grub/pine". */
  path: string;
}

/** The end of the part of custom.cfg and image.cfg that tells where they look. */
const LOOKED = /^ {2}set pine_config=\$config_directory.*\nfi$/m;

/**
 * Makes a configuration for GRUB from system/grub (custom.cfg, image.cfg). It tells where the folder of the slots is,
 * if it is not beside the configuration.
 */
export function slotsConfig(template: string, slots?: SlotsPlace): string {
  if (slots?.type !== "vfat") return template;
  const found = [`search --no-floppy --fs-uuid --set=pine_esp ${slots.uuid}`, `set pine_dir=($pine_esp)${slots.path}`];
  return template.replace(LOOKED, (looked) => [looked, ...found].join("\n"));
}
