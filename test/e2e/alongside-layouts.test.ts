/** Other firmware, other file systems, other partitions: an installation beside Debian on each. */
import { lives } from "./alongside-life.ts";

lives([
  { release: "bookworm", firmware: "uefi-signed", layout: "plain", newKernel: true },
  {
    release: "bookworm",
    firmware: "bios",
    layout: "boot",
    newKernel: true,
    says: /note: \/boot is \/dev\/vda\d+ \(ext4\): GRUB's state is kept there/,
  },
  { release: "trixie", firmware: "bios", layout: "xfs" },
  {
    release: "bookworm",
    firmware: "uefi-signed",
    layout: "boot-btrfs",
    says: /GRUB cannot write there, its state is in \/boot\/efi\/EFI\/pine/,
  },
]);
