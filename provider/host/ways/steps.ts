/**
 * Which steps each way takes. Pure. Those of an update are planned from what lies on the server
 * (resources/hijack/plan/update.ts).
 */
import type { Facts } from "../facts/types/facts.ts";
import type { Step } from "../plan/steps.ts";
import type { Existing, ImageFacts, Way } from "../plan/types.ts";
import { overwriteBytes, stepsInRam } from "./overwrite/plan.ts";

export interface Taken {
  facts: Facts;
  image: ImageFacts;
  existing: Existing;
  /** Seconds. */
  deadman: number;
  /** What finalize erases, in words. */
  removes?: string;
}

function besideSteps(place: "machine" | "container", { facts, image, existing, deadman, removes }: Taken): Step[] {
  const { sysrootBytes: sendBytes, sysrootRange: sendRange, about } = image;
  const compression = facts.tools.zstd ? "zstd" : "gzip";
  return [
    { do: "check-signature" },
    { do: "install", place, compression, replaces: existing === "half", sendBytes, sendRange, about },
    { do: "trial", place, slot: "a", deadman, watchdog: facts.watchdog },
    ...(removes === undefined ? [] : [{ do: "remove-old", erases: removes } as const]),
  ];
}

export function stepsOf(way: Exclude<Way, "begun">, taken: Taken): Step[] {
  const { facts, image } = taken;
  switch (way) {
    case "alongside":
      return besideSteps("machine", taken);
    case "container":
      return besideSteps("container", taken);
    case "overwrite":
      return [
        { do: "check-signature" },
        { do: "enter-ram", sendBytes: overwriteBytes(image), about: image.about },
        ...stepsInRam(facts.watchdog),
      ];
    case "update":
      return [];
  }
}
