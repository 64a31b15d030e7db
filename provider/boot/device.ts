/** A server's cards and disks, and what a commit's kernel lacks for them. */

/** A device between a card or disk and its bus, as the server's own kernel drives it. */
export interface Device {
  use: "card" | "disk";
  /** Name of the card or disk: `eth0`, `sda`. */
  name: string;
  /** The kernel's name for it: `virtio_net`. Only loaded modules; what a kernel has built in is not told apart. */
  module: string;
  /** `pci:v00008086d000015B8sv…`; absent: it could not be read. */
  modalias?: string;
}

/** What a server has that a kernel does not drive. */
export interface Lack extends Device {
  /** The module exists, but none of these files, and it may need one; absent: no module drives the device. */
  firmware?: string[];
}
