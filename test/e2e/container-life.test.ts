/** The life of the most usual container: unprivileged, Debian 12, 64 MiB. Others: container-lives.test.ts. */
import { describe } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { containerLife } from "./container-lives.ts";

if (!isRoot) asRootBySudo("container", import.meta.filename);

if (isRoot)
  describe("Debian 12 in an unprivileged container of 64 MiB", () =>
    containerLife({ release: "bookworm", privileged: false, memoryMiB: 64, network: "host" }));
