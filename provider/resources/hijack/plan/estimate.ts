/** Estimates the size of a commit that is not made yet. */
import type { ImageFacts } from "../../../host/plan/types.ts";
import { largestImage, onlySshServer, onlyTarget, packedRange } from "../../estimates.ts";
import type { Compression } from "./artifacts.ts";

/** The figures while the commit is not known: from this run's previews, else none. */
export function estimatedImage(arch: string, compression: Compression): ImageFacts {
  const estimate = largestImage();
  if (!estimate) return { arch, about: true, compression };
  const range = packedRange(estimate.unpacked, compression);
  return {
    arch: estimate.arch,
    target: onlyTarget(),
    ssh: onlySshServer(),
    sysrootBytes: Math.round((range[0] + range[1]) / 2),
    sysrootRange: range,
    unpackedBytes: estimate.unpacked,
    about: true,
    compression,
  };
}
