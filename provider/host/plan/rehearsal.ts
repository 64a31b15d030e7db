/** Whether what is planned can be rehearsed on the machine that builds, before the server is touched. Pure. */
import type { Facts } from "../facts/types/facts.ts";
import { type Refusal, refusal } from "../refusal.ts";
import type { StepOf } from "./steps.ts";
import type { ImageFacts, PlanInputs } from "./types.ts";

/** What a rehearsal's disk is made for (image/disk). */
const ARCH = "x86_64";

/** Why nothing can be rehearsed; undefined: it can. */
function hindrance(facts: Facts, image: ImageFacts): string | undefined {
  if (facts.container !== undefined)
    return "a container's commit has no kernel that could boot on this machine; its trial stands in, which rolls back by itself";
  if (image.arch !== ARCH)
    return `a rehearsal boots commits for ${ARCH}, and this one is for ${image.arch}; its trial stands in, which rolls back by itself`;
  return undefined;
}

/** The step, or why there is none: in a note, or as a refusal where it is required. */
export function planRehearsal(
  facts: Facts,
  { rehearse }: Pick<PlanInputs, "rehearse">,
  image: ImageFacts,
): { step?: StepOf<"rehearse">; note?: string; refusal?: Refusal } {
  if (!rehearse) return {};
  const why = hindrance(facts, image);
  if (why === undefined) return { step: { do: "rehearse", required: rehearse.required } };
  return rehearse.required
    ? { refusal: refusal("rehearse", `rehearse.required: ${why}`, "leave required out") }
    : { note: `nothing is rehearsed: ${why}` };
}

/** What the one line of a preview says of it. */
export const REHEARSED = "rehearsed first in QEMU on this machine";
