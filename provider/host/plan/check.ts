/** One question of a plan, and the refusal that answers it. */
import type { Facts } from "../facts/types/facts.ts";
import type { Refusal } from "../refusal.ts";
import type { ImageFacts, PlanInputs } from "./types.ts";

export type Check = (facts: Facts, inputs: PlanInputs, image: ImageFacts) => Refusal | false | undefined;
