/** Which servers the campaign cuts: a Debian of the lab, what it boots by, and its file systems. */
import { die } from "../../provider/errors.ts";
import { BOOT_WAYS, type BootWay, LAYOUTS, type Layout, RELEASES, type Release } from "../lab/vps/index.ts";

export interface Kind {
  release: Release;
  way: BootWay;
  layout: Layout;
}

/** What the campaign cuts when nothing is said: a Debian 12 by BIOS on one ext4. */
export const PLAIN: Kind = { release: "bookworm", way: "bios", layout: "plain" };

/** As in file names: `bookworm-bios-plain`. */
export const kindName = ({ release, way, layout }: Kind): string => `${release}-${way}-${layout}`;

/** A kind by its name. Dies when there is no such one. */
export function kindOf(name: string): Kind {
  for (const release of RELEASES)
    for (const way of BOOT_WAYS)
      for (const layout of Object.keys(LAYOUTS) as Layout[]) {
        const kind = { release, way, layout };
        if (kindName(kind) === name) return kind;
      }
  const expected = `RELEASE-FIRMWARE-LAYOUT of ${RELEASES.join(", ")}; ${BOOT_WAYS.join(", ")}; ${Object.keys(LAYOUTS).join(", ")}`;
  return die(`--server ${name}`, `expected is ${expected}`);
}
