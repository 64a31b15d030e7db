/** The old system given up, where its parts lie together and apart. */
import { lives } from "./alongside-life.ts";

lives([
  {
    release: "bookworm",
    firmware: "bios",
    layout: "parts",
    finalize: true,
    says: /note: \/home, \/var stay as they are and are not mounted.*note: the new system uses the old one's swap \(1 partition\)/s,
  },
  { release: "bookworm", firmware: "uefi-signed", layout: "boot", finalize: true },
  { release: "bookworm", firmware: "bios", layout: "xfs", finalize: true },
]);
