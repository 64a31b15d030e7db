/** The same life in other containers. PINE_MIB: of memory, in place of theirs. */
import { describe } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { containerLife, type Given } from "./container-lives.ts";

if (!isRoot) asRootBySudo("containers", import.meta.filename);

const MIB = process.env.PINE_MIB ? Number(process.env.PINE_MIB) : undefined;
const GIVEN: Given[] = [
  { release: "trixie", privileged: false, memoryMiB: 48, network: "interfaces" },
  { release: "bookworm", privileged: true, memoryMiB: 48, network: "dhcp" },
];

if (isRoot)
  describe.each(GIVEN)("Debian $release, privileged $privileged, network by $network", (given) =>
    containerLife({ ...given, memoryMiB: MIB ?? given.memoryMiB }),
  );
