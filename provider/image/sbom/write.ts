/** Keeps the bills of materials of a Rootfs in the store. */
import { die } from "../../errors.ts";
import type { Store } from "../store/store.ts";
import { cyclonedxOf } from "./cyclonedx.ts";
import type { SbomInput } from "./parts.ts";
import { spdxOf } from "./spdx.ts";

/** Paths of a Rootfs' bills of materials, whether they exist or not. */
export function sbomPaths(store: Store, digest: string): { spdx: string; cyclonedx: string } {
  if (!/^[0-9a-f]{64}$/.test(digest)) die(`"${digest}" is not a digest`, "expected 64 hex digits");
  return {
    spdx: store.path("sboms", `${digest}.spdx.json`),
    cyclonedx: store.path("sboms", `${digest}.cdx.json`),
  };
}

/** Writes store/sboms/<digest>.spdx.json and .cdx.json, each whole or not at all, and returns their paths. */
export async function writeSboms(store: Store, input: SbomInput): Promise<{ spdx: string; cyclonedx: string }> {
  const paths = sbomPaths(store, input.digest);
  await store.writeJson(paths.spdx, spdxOf(input));
  await store.writeJson(paths.cyclonedx, cyclonedxOf(input));
  return paths;
}
